"""docs/troubleshooting.md has every rule of the code and no other, and quotes messages as the code has them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from raypose.tuning.faults import failures
from raypose.tuning.nodes import preflight

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "troubleshooting.md").read_text()
RULE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# Rules that are no constant where a problem is made: from tables and loops.
COMPUTED = {
    "raypose/callables.py": {"unknown-argument", "missing-argument"},
    "raypose/data/deeplabcut/records.py": {"image-missing", "image-file"},
    "raypose/data/detections.py": {"bbox", "detections", "unknown-image"},
    "raypose/data/pixels.py": {"image-access", "image-file"},
    "raypose/data/keypoint_facts.py": {"flip-pairs", "skeleton"},
    "raypose/data/keypoint_info.py": {"upper-body"},
    "raypose/space/constraints/constraint.py": {"bad-constraint"},
}
REASONS = {*failures.REASONS.values(), "raised", "hang", "worker_lost"}


@cache
def trees() -> dict[str, list[ast.AST]]:
    """The nodes of each module."""
    files = sorted((ROOT / "raypose").rglob("*.py"))
    return {str(path.relative_to(ROOT)): [*ast.walk(ast.parse(path.read_text()))] for path in files}


def constants(node: ast.AST) -> set[str]:
    """What an expression may come to, of texts."""
    if isinstance(node, ast.IfExp):
        return constants(node.body) | constants(node.orelse)
    if isinstance(node, ast.BoolOp):
        return set().union(*map(constants, node.values))
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def positions(nodes: list[ast.AST]) -> dict[str, int]:
    """By function or dataclass: at which place a call of it gives a rule."""
    found = {}
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            names = [each.target.id for each in node.body if isinstance(each, ast.AnnAssign)]
            word = "name" if node.name == "Rule" else "rule"  # of data/sample_rules.py
            found |= {node.name: names.index(word)} if word in names else {}
        elif isinstance(node, ast.FunctionDef):
            names = [each.arg for each in node.args.args if each.arg != "self"]
            found |= {node.name: names.index("rule")} if "rule" in names else {}
    return found


def given(nodes: list[ast.AST], everywhere: dict[str, int]) -> Iterator[str]:
    """The rules that calls in a module give."""
    own = positions(nodes)
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    for node in nodes:
        if isinstance(node, ast.Call):
            yield from (text for each in node.keywords if each.arg == "rule" for text in constants(each.value))
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = own.get(name) if name in defined else everywhere.get(name)
            if place is not None and place < len(node.args):
                yield from constants(node.args[place])


@cache
def rules() -> dict[str, set[str]]:
    """Every rule of the code, with the modules that give it."""
    everywhere: dict[str, int] = {}
    for nodes in trees().values():
        everywhere |= positions(nodes)
    found: dict[str, set[str]] = {f"node-{kind}": {preflight.__name__} for kind in preflight.HINTS}
    for module, nodes in trees().items():
        for rule in {*given(nodes, everywhere)} | COMPUTED.get(module, set()):
            if RULE.fullmatch(rule.replace("_", "-")):
                found.setdefault(rule, set()).add(module)
    return found


@cache
def texts() -> list[str]:
    """All texts of the code, with … for what is filled in."""
    nodes = [node for each in trees().values() for node in each]
    joined = [[str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values]
              for node in nodes if isinstance(node, ast.JoinedStr)]  # fmt: skip
    plain = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return [*{"".join(parts) for parts in joined}, *(re.sub(r"\{\w*\}|%(\.\d)?[a-z]", "…", text) for text in plain)]


def is_said(message: str) -> bool:
    """Whether a text of the code has the parts of the message in their order."""
    parts = message.split("…")
    pattern, longest = re.compile(".*".join(map(re.escape, parts)), re.DOTALL), max(parts, key=len)
    return any(pattern.search(text) for text in texts() if longest in text)


def rows() -> Iterator[list[str]]:
    """The cells of the tables' rows: what is printed, why, what to do."""
    for line in TEXT.splitlines():
        if line.startswith("| ") and not line.startswith(("| --- ", "| message ", "| reason ")):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def quoted(cell: str) -> list[str]:
    found = re.findall(r"(?<!`)(``?)(?!`)(.+?)(?<!`)\1(?!`)", re.sub(r"<a .*?</a>", "", cell))
    return [text.strip() for _, text in found]


def test_the_code_is_read_as_it_is() -> None:
    for module, names in COMPUTED.items():
        of_module = {str(each.value).replace("_", "-") for each in trees()[module] if isinstance(each, ast.Constant)}
        assert names <= of_module, module
    known = {"unknown-key", "bad-ref", "image-id", "json", "cost", "yaml-syntax", "past-the-end", "build", "node-gpu"}
    assert known <= {*rules()}
    assert len(rules()) > 150


def test_every_rule_is_told_and_none_else() -> None:
    anchors = re.findall(r'<a id="([\w-]+)"></a>', TEXT)
    assert len({*anchors}) == len(anchors)
    assert sorted(({*rules()} | REASONS) - {*anchors}) == []
    assert sorted({*anchors} - {*rules()} - REASONS) == []


def test_every_row_says_why_and_what_to_do() -> None:
    found = [*rows()]
    assert len(found) > 150
    assert [row[0] for row in found if len(row) != 3 or not all(row)] == []


def test_messages_are_those_of_the_code() -> None:
    told = [text for message, *_ in rows() for text in quoted(message) if text not in REASONS]
    assert len(told) > 250
    assert [text for text in told if not is_said(text)] == []
