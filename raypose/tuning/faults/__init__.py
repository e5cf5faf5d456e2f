"""What goes wrong while a search runs: failures and their reasons, hangs, lost workers, signals, two searches at once."""
