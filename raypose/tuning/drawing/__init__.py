"""Drawing trials from a study: what constraints, earlier trials and other experiments make of a draw."""
