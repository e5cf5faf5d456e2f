"""Pose models and their parts."""
