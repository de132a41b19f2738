"""What a C function computes of words of the solver, read from its text.

Its assignments are taken one after another, loops once and conditions as if they held,
with C's operators as Python spells them; what depends on memory, or on what is not
given, stays unknown. So a lemma is about the line that is compiled, and another line is
another lemma.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from proofs.numbers import Word, where

FOLDER = Path(__file__).parents[2] / "quiver" / "backends" / "_simd"
"""Of the checkout: an installed package has no sources."""

Edit = tuple[str, str] | None
"""What to read otherwise than it is written: a mistake to be found."""

TYPES = {
    **{f"uint{bits}_t": np.dtype(f"u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"int{bits}_t": np.dtype(f"i{bits // 8}") for bits in (8, 16, 32, 64)},
    "size_t": np.dtype("u8"),
}
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# Where an instruction is named for some processors, what stands there for the others.
_ALTERNATIVE = re.compile(r"^#if.*?^#else\n(.*?)^#endif\n", re.DOTALL | re.MULTILINE)
_INTEGER = r"0x[0-9A-Fa-f]+|\d+"
_MACRO = re.compile(rf"^#define (\w+) (?:U?INT\d+_C\()?({_INTEGER})\)?$", re.MULTILINE)
_LITERAL = re.compile(r"U?INT\d+_C\((\w+)\)|\b(\d+\.\d+)f\b")
_CAST = re.compile(rf"\(({'|'.join(TYPES)})\)\s*(?=[\w(~])")
_ASSIGNED = re.compile(
    r"(?:const )?((?:struct )?\w+ (?=\w))?(\w[\w.>\[\]-]*) ([-+*&|^]?)=(?!=) (.+)"
)


class Unknown(Exception):
    """A value that is not known of words alone."""


class Assigned(NamedTuple):
    """One assignment: to what, the operator before =, and whether it is the first."""

    name: str
    expression: str
    sign: str = ""
    declares: bool = False


class Header:
    """The functions and constants of one C header.

    Parameters
    ----------
    name : str
        The file.
    edit : tuple of str, optional
        What is written, and what to read in its place.
    given : mapping, optional
        Meanings of names, before those of the header: intrinsics, functions.
    """

    def __init__(
        self,
        name: str,
        edit: Edit = None,
        given: Mapping[str, Any] | None = None,
    ) -> None:
        text = (FOLDER / name).read_text("utf-8")
        if edit is not None:
            if edit[0] not in text:
                msg = f"{name} does not say {edit[0]!r}"
                raise ValueError(msg)
            text = text.replace(*edit)
        self.text = _COMMENT.sub("", text + _included(text))
        constants = {word: int(x, 0) for word, x in _MACRO.findall(self.text)}
        self.given = {**constants, "where": where, **(given or {})}

    def call(self, function: str, *args: Any, version: int = 0) -> Any:
        """Return what a function returns of its arguments, in their order."""
        names, _ = self._found(function, version)
        given = dict(zip(names, args, strict=True))
        return self.values(function, version=version, **given)["return"]

    def values(
        self, function: str, *, version: int = 0, **given: Any
    ) -> dict[str, Any]:
        """Return all variables of a function that are known of those given.

        Where the function declares a given one, it is what was given. Of several
        definitions of the function, ``version`` is taken.
        """
        known = dict(given)
        for one in self._statements(function, version):
            if one.declares and one.name in given:
                continue
            try:
                value = self._value(one.expression, known)
                known[one.name] = _combined(known, one.name, one.sign, value)
            except Unknown:
                known.pop(one.name, None)
        return known

    def last(self, function: str, name: str, **given: Any) -> Any:
        """Return what the last assignment of a function to a name says."""
        *_, one = (x for x in self._statements(function, 0) if x.name == name)
        return self._value(one.expression, given)

    def _found(self, function: str, version: int) -> tuple[list[str], str]:
        """Return the names of a function's parameters, and its body."""
        pattern = rf"^\w[^\n;={{]*\b{function}\(([^)]*)\)\n\{{\n(.*?)^\}}"
        found = re.findall(pattern, self.text, re.DOTALL | re.MULTILINE)
        if version >= len(found):
            raise Unknown(function)
        parameters, body = found[version]
        return re.findall(r"(\w+)(?:\[\w*\])*(?:,|$)", parameters), body

    def _statements(self, function: str, version: int) -> Iterator[Assigned]:
        """Yield the assignments of a function, and what it returns."""
        _, body = self._found(function, version)
        for statement in re.split(r"[;{}]", _ALTERNATIVE.sub(r"\1", body)):
            # Of a loop without braces the body follows what counts.
            words = re.sub(r"^\+\+\w+\) ", "", " ".join(statement.split()))
            if words.startswith("return "):
                yield Assigned("return", words.removeprefix("return "))
            # Not `for (…)`, nor `if`: what stands in their brackets is no assignment.
            elif (found := _ASSIGNED.fullmatch(words)) is not None:
                first, *others = _split(found[4])
                yield Assigned(found[2], first, found[3], declares=bool(found[1]))
                for other in others:
                    name, _, expression = other.partition(" = ")
                    yield Assigned(name, expression, declares=True)

    def _value(self, expression: str, known: dict[str, Any]) -> Any:
        spelled = _in_python(expression)
        try:
            return eval(spelled, {"__builtins__": {}}, _Names(self, known))
        except (SyntaxError, TypeError, AttributeError, ValueError) as error:
            raise Unknown(expression) from error


def _included(text: str) -> str:
    """Return the headers that a text includes, and theirs."""
    headers = re.findall(r'^#include "(\w+\.h)"', text, re.MULTILINE)
    texts = ((FOLDER / header).read_text("utf-8") for header in headers)
    return "".join(included + _included(included) for included in texts)


class _Names(dict[str, Any]):
    """Names in an expression: variables, what is given, functions of the header."""

    def __init__(self, header: Header, known: dict[str, Any]) -> None:
        super().__init__({**_CASTS, **header.given, **known})
        self.header = header

    def __missing__(self, name: str) -> Any:
        self.header._found(name, 0)
        return lambda *args: self.header.call(name, *args)


def _combined(known: dict[str, Any], name: str, sign: str, value: Any) -> Any:
    if not sign:
        return value
    if name not in known:
        raise Unknown(name)
    return eval(f"a {sign} b", {"a": known[name], "b": value})


def _in_python(expression: str) -> str:
    """Spell an expression of C in Python, whose operators bind alike but for ``?:``.

    And but for comparisons, which may not stand beside operators on bits.
    """
    if re.search(r"[=!<>]=|(?<![<>-])[<>](?![<>])", expression) and re.search(
        r" [&|^] ", expression
    ):
        raise Unknown(expression)
    spelled = _LITERAL.sub(r"\1\2", expression).replace("->", ".")
    while (cast := _CAST.search(spelled)) is not None:
        stop = _operand_end(spelled, cast.end())
        operand = spelled[cast.end() : stop]
        spelled = f"{spelled[: cast.start()]}{cast[1]}({operand}){spelled[stop:]}"
    return _chosen(spelled)


def _operand_end(text: str, start: int) -> int:
    """Return where the operand of a cast ends: a name, a call, or brackets."""
    found = re.compile(r"~?[\w.]*").match(text, start)
    stop = found.end() if found else start
    if stop < len(text) and text[stop] in "([":
        depth = 0
        for place in range(stop, len(text)):
            depth += (text[place] in "([") - (text[place] in ")]")
            if depth == 0:
                return place + 1
    return stop


def _chosen(expression: str) -> str:
    """Spell ``a ? b : c`` as a call."""
    condition, mark, rest = expression.partition(" ? ")
    if not mark:
        return expression
    one, _, other = rest.partition(" : ")
    return f"where({condition}, {one}, {_chosen(other)})"


def _split(text: str) -> list[str]:
    """Split at commas outside of brackets."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _cast(kind: np.dtype[Any]) -> Any:
    def cast(number: Any) -> Any:
        if isinstance(number, Word):
            return number.astype(kind)
        return int(np.array(number).astype(kind)) if isinstance(number, int) else number

    return cast


_CASTS = {**{name: _cast(kind) for name, kind in TYPES.items()}, "float": lambda x: x}
"""Small integers are the same as floats."""
