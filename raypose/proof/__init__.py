"""Proves a search space before anything is trained: every component is built, every join of components is tried, on torch's
`meta` device, and what each configuration costs is counted.

workshop (builds each part once) is used by model and optimizer (what is tried) and costs; verdicts and places turn what
failed into problems that name the options to blame.
"""

from __future__ import annotations

from raypose.proof.costs import Costs
from raypose.proof.prices import Price, prices
from raypose.proof.prove import Proof, prove

__all__ = ["Costs", "Price", "Proof", "prices", "prove"]
