"""When a search ends before its last trial: budgets, no more gain, a target."""
