"""Early stopping: Optuna's pruners, Ray's schedulers, and population based training."""
