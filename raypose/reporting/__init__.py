"""Reads experiment folders: records of trials, leaderboards."""
