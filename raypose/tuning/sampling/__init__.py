"""Samplers by Optuna's names, and the one that a search takes where none is named."""
