"""Arithmetic over a few names, read by recursive descent, never by `eval`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, NoReturn

from raypose.errors import Problem, RayPoseError, nearest
from raypose.space.reading.schema import plain
from raypose.space.tree import compact

# Operators that bind alike, the loosest first.
OPERATORS: tuple[dict[str, Callable[[float, float], float]], ...] = (
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.truediv},
)
LONGEST = 200  # characters
TOKEN = re.compile(r"\s*((?:\d|\.\d)(?:[eE][-+]?|[\w.])*|[^\W\d]\w*(?:@[\w.]+)?|[<>=!]=?|&&|\S)")


class Expression(NamedTuple):
    """Its value for given values of names, and the names in it."""

    value: Callable[[Mapping[str, float]], float]
    names: tuple[str, ...] = ()


class ArithmeticReader:
    """Reads expressions off a text; what is left after one stands in `token`, which is empty at the end.

    Numbers are written as in YAML; `+ - * /` and brackets mean what they mean in Python. `names`: what it may speak of;
    None: any name.

    Example:
        >>> reader = ArithmeticReader("2 * (a + 1) < 5", {"a"}, "inequality", "bad-inequality")
        >>> reader.expression().value({"a": 3.0}), reader.token
        (8.0, '<')
    """

    def __init__(self, text: str, names: Collection[str] | None, kind: str, rule: str) -> None:
        self.text, self.names, self.kind, self.rule = text, names, kind, rule
        self.tokens = [(match[1], match.start(1)) for match in TOKEN.finditer(text)]
        self.tokens.append(("", len(text)))
        if len(text) > LONGEST:
            self.refuse(f"it is longer than {LONGEST} characters")

    @property
    def token(self) -> str:
        """The next token."""
        return self.tokens[0][0]

    def take(self) -> str:
        """The next token, which is read with that."""
        return self.tokens.pop(0)[0]

    def expression(self, level: int = 0) -> Expression:
        """The longest expression that comes next.

        Raises:
            RayPoseError: there is none; the message says where in the text.
        """
        if level == len(OPERATORS):
            return self._operand()
        left = self.expression(level + 1)
        while compute := OPERATORS[level].get(self.token):
            self.take()
            left = _joined(compute, left, self.expression(level + 1))
        return left

    def missing(self, wanted: str, hints: Mapping[str, str] | None = None) -> NoReturn:
        """Refuse the text for what stands where `wanted` must; `hints` are by token."""
        token, position = self.tokens[0]
        where = f"at character {position + 1}, but got '{token}'" if token else "at its end"
        self.refuse(f"it needs {wanted} {where}", (hints or {}).get(token, ""))

    def refuse(self, what: str, hint: str = "") -> NoReturn:
        """Refuse the text."""
        message = f"{self.kind} '{self.text}': {what}"
        raise RayPoseError(Problem(message, rule=self.rule, hint=hint, value=compact(self.text)))

    def _operand(self) -> Expression:
        token, position = self.tokens[0]
        if token == "-":
            self.take()
            return _joined(operator.sub, Expression(lambda values: 0.0), self._operand())
        if token == "(":
            self.take()
            inner = self.expression()
            if self.token != ")":
                self.missing("a )")
            self.take()
            return inner
        if _is_name(token) if self.names is None else token in self.names:
            self.take()
            return Expression(lambda values: float(values[token]), (token,))
        if self.names is not None and _is_name(token):
            self.refuse(f"unknown name '{token}' at character {position + 1}", nearest(token, self.names))
        number = plain(token)
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            hint = "numbers are written as in 2e9, 0.5 or 1000000"
            wanted = "a number or a name" if self.names is None else f"a number or one of {', '.join(self.names)}"
            self.missing(wanted, {token: hint} if token[:1].isdigit() else {})
        self.take()
        return Expression(lambda values: float(number))


def _is_name(token: str) -> bool:
    return token[:1].isidentifier()  # a metric's may end in a threshold: PCK@0.2


def _joined(compute: Callable[[float, float], float], left: Expression, right: Expression) -> Expression:
    return Expression(lambda values: compute(left.value(values), right.value(values)), left.names + right.names)
