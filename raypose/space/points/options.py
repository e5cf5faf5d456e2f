"""Which option of a choice a partial configuration means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raypose.errors import nearest
from raypose.space.traverse import as_written
from raypose.space.tree import Choice, Mapping, Node, Option, Ref, Scalar, compact

if TYPE_CHECKING:
    from raypose.space.points.matching import Matcher


def take(matcher: Matcher, node: Choice, given: Node) -> None:
    """Take the option that is named, else the first that holds what is given, else say what is wrong with it."""
    value = given.value if isinstance(given, Scalar) else None
    if isinstance(value, str) and value in node.labels:
        return matcher.assign(node.name, value, given.mark)
    meant = _meant(matcher, node, given)
    settled = [option for option in meant if option.label == matcher.params.get(node.name)]
    tried = [_attempt(matcher, node, option, given) for option in (isinstance(given, Mapping) and settled) or meant]
    best = min(tried, key=lambda each: (_misfits(each), len(each.problems)), default=None)
    if best is None or (_misfits(best) and not isinstance(given, Mapping)):
        what = shown(_name(given))
        hint = nearest(what, node.labels)
        return matcher.refuse(given.mark, f"'{node.name}' has no option '{what}'", "unknown-option", hint)
    matcher.params = best.params
    matcher.problems += best.problems
    return None


def same(node: Node, given: Node) -> bool:
    """Whether two scalars have the same value, or are written the same; a bool is no number."""
    if not isinstance(node, Scalar) or not isinstance(given, Scalar):
        return False
    pairs = ((node.value, given.value), (node.written, given.written))
    return any(one == other and isinstance(one, bool) == isinstance(other, bool) for one, other in pairs)


def shown(node: Node) -> str:
    """A node as written, for a message."""
    written = as_written(node)
    text = written if isinstance(written, str) else compact(written)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _meant(matcher: Matcher, node: Choice, given: Node) -> list[Option]:
    """The options of that label, else of that type, else of that constructor; all where nothing is named."""
    named = given.entries if isinstance(given, Mapping) else {}
    if "label" in named:
        return [option for option in node.options if option.label == as_written(named["label"])]
    key = next((key for key in ("type", "constructor") if key in named), None)
    return [option for option in node.options if key is None or _is_of(matcher, option.node, key, named[key])]


def _is_of(matcher: Matcher, node: Node, key: str, given: Node) -> bool:
    """Whether a component may have that type, or constructor."""
    target = node.target if isinstance(node, Ref) else node
    if isinstance(target, Choice):
        return any(_is_of(matcher, option.node, key, given) for option in target.options)
    if not isinstance(target, Mapping) or key not in target.entries:
        return False
    trial = matcher.fresh()
    trial.match(target.entries[key], given, key)
    return not trial.problems


def _attempt(matcher: Matcher, node: Choice, option: Option, given: Node) -> Matcher:
    """What follows if an option is taken."""
    trial = matcher.fresh()
    trial.assign(node.name, option.label, given.mark)
    bare = given.without("label") if isinstance(given, Mapping) else given
    trial.match(option.node, bare, f"{node.name}.{option.label}")
    return trial


def _misfits(trial: Matcher) -> int:
    """How much of what was given the option does not hold, whatever else is said of it."""
    return sum(problem.rule != "contradiction" for problem in trial.problems)


def _name(given: Node) -> Node:
    named = given.entries if isinstance(given, Mapping) else {}
    return next((named[key] for key in ("label", "type", "constructor") if key in named), given)
