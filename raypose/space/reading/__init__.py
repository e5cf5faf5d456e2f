"""YAML text -> a tree of scalars, lists and mappings with their positions, its bases merged and its overrides set.

source (files) -> reader (text -> tree; syntax, schema: what YAML says) -> base and overrides (merge: one tree over
another); strings and scalars: variables and paths in strings.
"""
