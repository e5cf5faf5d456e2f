"""A configuration, or a space -> YAML text that the reader reads back equal."""

from __future__ import annotations

import re
from typing import Any

import yaml

from raypose.space.forms import form
from raypose.space.reading.schema import RESOLVERS, TAG
from raypose.space.reading.strings import escape
from raypose.space.tree import Mapping, Node, Scalar, Sequence, Written


class Unquoted(Written):
    """One that stands without quotes: what its variables make of it may be a number."""

    __slots__ = ()


class _Bare(yaml.ScalarNode):
    """A scalar that must have no quotes, which `{` needs in what stands on one line."""


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 or 1.2 would take for something other than a string: `on`, `1e-4`."""

    yaml_implicit_resolvers = {first: list(rules) for first, rules in yaml.SafeDumper.yaml_implicit_resolvers.items()}  # noqa: RUF012

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        # A line break that only YAML knows becomes an ordinary one unless it is escaped.
        return self.represent_scalar(TAG + "str", data, style='"' if re.search("[\x85\u2028\u2029]", data) else None)

    def represent_written(self, data: Written) -> yaml.ScalarNode:
        return self.represent_scalar(TAG + "str", data, style='"' if re.search("[\x85\u2028\u2029]", data) else "'")

    def represent_unquoted(self, data: Unquoted) -> yaml.ScalarNode:
        return _Bare(TAG + "str", str(data))

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = all(map(_is_short, node.value))
        return node

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        node.flow_style = all(_is_short(each) for pair in node.value for each in pair)
        return node


def _is_short(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not isinstance(node, _Bare) and node.style in (None, "'")


_Dumper.add_representer(str, _Dumper.represent_str)
_Dumper.add_representer(Written, _Dumper.represent_written)
_Dumper.add_representer(Unquoted, _Dumper.represent_unquoted)
for _name, _pattern, _first in RESOLVERS:
    _Dumper.add_implicit_resolver(TAG + _name, _pattern, _first)


def dump(config: dict[str, Any], *, space: bool = False) -> str:
    """YAML text; short lists and mappings stand on one line.

    A `${VAR}` is escaped, but stays a variable in what `Space.sample(portable=True)` kept as written. A mapping that
    looks like a dimension is one in a `space`, but written as `fixed` in a configuration.

    Example:
        >>> dump({"lr": 1e-4, "precision": "on", "size": [96, 128]})
        "lr: 0.0001\\nprecision: 'on'\\nsize: [96, 128]\\n"
        >>> dump({"arg": {"choice": [1]}})
        'arg:\\n  fixed:\\n    choice: [1]\\n'
    """
    if "base" in config and not space:  # not the files that a space starts from
        return _text({"fixed": _escaped(config, literal=True)})
    return _text(_escaped(config, literal=space))


def dump_tree(tree: Node) -> str:
    """The YAML text of a tree as read: dimensions, variables and relative paths as they are."""
    return _text(_kept(tree))


def _text(content: Any) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110)


def _escaped(value: Any, literal: bool) -> Any:
    if isinstance(value, dict):
        needs_fixed = not literal and form(value) is not None
        content = {key: _escaped(child, literal or needs_fixed) for key, child in value.items()}
        return {"fixed": content} if needs_fixed else content
    if isinstance(value, (list, tuple)):
        return [_escaped(child, literal) for child in value]
    return escape(value) if isinstance(value, str) and not isinstance(value, Written) else value


def _kept(node: Node) -> Any:
    if isinstance(node, Mapping):
        return {key: _kept(child) for key, child in node.entries.items()}
    if isinstance(node, Sequence):
        return [_kept(item) for item in node.items]
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, str) and "${" in value and isinstance(node, Scalar):
        return Written(value) if node.quoted else Unquoted(value)
    return value
