"""The training loop, its callbacks and checkpoints. Knows nothing of Ray; receives built objects."""
