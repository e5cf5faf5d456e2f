"""Errors of YAML's syntax."""

from __future__ import annotations

import re

import yaml

from raypose.errors import Problem

# What libyaml says, in plainer words; the first part that occurs counts.
_PLAIN_WORDS = {
    "mapping values are not allowed": "a ':' cannot stand here (wrong indentation, or a string that needs quotes)",
    "cannot start any token": "this character cannot start a value (a tab, or a string that needs quotes)",
    "could not find expected ':'": "a key without its ':'",
    "did not find expected key": "wrong indentation, or a bracket or quote that is not closed",
    "did not find expected '-' indicator": "wrong indentation, or a list item without its '-'",
    "did not find expected ',' or": "a ',' or a closing bracket is missing",
    "unexpected end of stream": "the file ends within quotes",
    "found undefined alias": "this alias names no anchor",
}
# What was being read where its beginning may be what is wrong.
_OPENED = ("flow mapping", "flow sequence", "quoted scalar", "simple key")


def syntax_problem(error: yaml.YAMLError, text: str, file: str) -> Problem:
    """What PyYAML refuses, in plain words."""
    lines = text.splitlines()
    mark = _culprit(error, lines)
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    words = next((words for part, words in _PLAIN_WORDS.items() if part in said), said)
    if mark is None:
        return Problem(f"not valid YAML: {words}", file, rule="yaml-syntax")
    line = _line(lines, mark)
    hint = "quote strings with ${...} within [ ] and { }" if re.search(r"[\[{,].*\$\{", line) else ""
    return Problem(f"not valid YAML: {words}", file, mark.line + 1, mark.column + 1, "yaml-syntax", hint)


def _culprit(error: yaml.YAMLError, lines: list[str]) -> yaml.Mark | None:
    """Where an error is: at the bracket or quote that is still open where a line is indented no deeper than its own."""
    found, opened = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if found is None or opened is None or not str(getattr(error, "context", "")).endswith(_OPENED):
        return found or opened
    later, own = (len(line) - len(line.lstrip()) for line in (_line(lines, found), _line(lines, opened)))
    return opened if found.line > opened.line and later <= own else found


def _line(lines: list[str], mark: yaml.Mark) -> str:
    return lines[mark.line] if mark.line < len(lines) else ""
