"""Components: their names, their arguments, and the components among those."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import Parameter
from typing import Annotated, Any, Union, get_args

from raypose.check.constructors import forms, parts
from raypose.check.hints import almost_a_dimension, meant
from raypose.check.report import Report, alternatives, is_null, mappings, shown
from raypose.check.slots import Slot
from raypose.check.values import checkable, fits
from raypose.errors import RayPoseError
from raypose.registry import OPTIMIZER_BUILDERS, call_problems, parameters
from raypose.space.tree import Mapping, Node, Scalar, Sequence


def component(report: Report, node: Node, key: str, optional: bool = False) -> None:
    """Check what stands under a key that holds a component, or a list of them; each option of a choice."""
    if report.slots[key].many:
        return _list(report, node, key)
    return _one(report, node, key, optional)


def _list(report: Report, node: Node, key: str) -> None:
    for each in alternatives(node):
        if isinstance(each, Sequence):
            for item in each.items:
                _one(report, item, key)
        else:
            report.add(each.mark, f"'{key}' must be a list of components, but got {shown(each)}", "wrong-type")


def _one(report: Report, node: Node, key: str, optional: bool = False) -> None:
    for each in alternatives(node):
        if isinstance(each, Mapping):
            _mapping(report, each, key)
        elif not (optional and is_null(each)):
            value = each.value if isinstance(each, Scalar) else None
            hint = f"write {{type: {value}}}" if isinstance(value, str) else ""
            message = f"'{key}' must be a mapping with a 'type', but got {shown(each)}"
            report.add(each.mark, message, "missing-type", hint)


def _mapping(report: Report, node: Mapping, key: str) -> None:
    slot = report.slots[key]
    named = node.entries.get("type")
    if slot.name == "optimizer" and "constructor" in node.entries:
        _constructed(report, node, key)
        if named is None:
            return None
    if named is None and slot.default_type is not None:
        named = Scalar(node.mark, slot.default_type, slot.default_type, slot.default_type)
    if named is None:
        return report.add(node.mark, f"'{key}' lacks its 'type'", "missing-type", almost_a_dimension(node))
    for each, found in _look_up(report, named, slot.name, slot.get):
        _call(report, found, each, node.without("type"), slot)
    return None


def _constructed(report: Report, node: Mapping, key: str) -> None:
    """An optimizer with a constructor: its name, and the optimizers of the parts of the model if it has no type."""
    for named in alternatives(node.entries["constructor"]):
        if not is_null(named):
            list(_look_up(report, named, OPTIMIZER_BUILDERS.name, OPTIMIZER_BUILDERS.get))
    of_parts = forms(report, node, key)
    for child in parts(node).values() if "type" not in node.entries else ():
        for each in mappings(child):
            if of_parts or each.entries.keys() & {"type", "constructor"}:
                _mapping(report, each, key)


def _look_up(report: Report, named: Node, kind: str, get: Callable[[str], Callable]) -> Iterator[tuple[Node, Callable]]:
    """Each name that a `type` may take, with its component."""
    for each in alternatives(named):
        if not isinstance(each, Scalar) or not isinstance(each.value, str):
            report.add(each.mark, f"the name of a component must be a string, but got {shown(each)}", "wrong-type")
            continue
        try:
            yield each, get(each.value)
        except RayPoseError as error:
            for problem in error.problems:
                report.add(each.mark, problem.message, problem.rule, problem.hint)


def _call(report: Report, called: Callable, named: Node, args: Mapping, slot: Slot) -> None:
    known = {key: parameter for key, parameter in parameters(called).items() if key not in slot.hidden}
    own = {key: child for key, child in args.entries.items() if key in known or key not in slot.extra}
    for key, message, hint, rule in call_problems(called, own, slot.given, {*known, *slot.extra}):
        hint = meant(key, {*known, *slot.extra}) if rule == "unknown-argument" else hint
        report.add(named.mark if key is None else args.key_marks[key], message, rule, hint)
    for key, child in args.entries.items():
        if key in known:
            _argument(report, child, key, _bounded(known[key], slot.bounds.get(key)))
        else:
            fits(report, child, slot.extra.get(key, Any), key)
            _nested(report, Mapping(args.mark, {key: child}, args.key_marks))
    if not report.touches(args):
        _one_of(report, args, slot)


def _one_of(report: Report, args: Mapping, slot: Slot) -> None:
    """Of some of a slot's own keys exactly one must be there, if any of its own keys is."""
    given = [key for key in args.entries if key in slot.one_of]
    own = [key for key in args.entries if key in slot.extra]
    if slot.one_of and own and len(given) != 1:
        hint = f"give {' or '.join(slot.one_of)}"
        message = f"{' and '.join(given)} say the same" if given else f"'{own[0]}' needs a length"
        report.add(args.key_marks[(given or own)[-1]], message, "wrong-value", hint)


def _bounded(parameter: Parameter, bound: Any) -> Parameter:
    """A parameter whose numbers, if YAML can give it any, have bounds too."""
    plain = checkable(parameter.annotation)
    arms = [Annotated[arm, bound] if arm in (int, float) else arm for arm in get_args(plain) or (plain,)]
    return parameter if bound is None or plain is Any else parameter.replace(annotation=Union[tuple(arms)])  # noqa: UP007


def _argument(report: Report, node: Node, key: Any, parameter: Parameter) -> None:
    """Check an argument's value: a component under a slot's key, unless the signature wants something plainer."""
    plain = checkable(parameter.annotation) is not Any or parameter.default not in (None, Parameter.empty)
    holds = key in report.slots and (
        not plain or report.slots[key].many or any(_is_component(each) for each in alternatives(node))
    )
    if holds:
        component(report, node, key, optional=parameter.default is None)
    else:
        fits(report, node, parameter.annotation, key)
        _nested(report, node)


def _nested(report: Report, node: Node) -> None:
    """Components anywhere below a plain value."""
    for each in alternatives(node):
        for item in each.items if isinstance(each, Sequence) else ():
            _nested(report, item)
        for key, child in each.entries.items() if isinstance(each, Mapping) else ():
            if key in report.slots and any(_is_component(option) for option in alternatives(child)):
                component(report, child, key, optional=True)
            else:
                _nested(report, child)


def _is_component(node: Node) -> bool:
    return isinstance(node, Mapping) and "type" in node.entries
