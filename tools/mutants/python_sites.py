"""Mutants of Python: what may be changed in a module, and the module so changed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from mutants.naming import MODULE, Change, told_apart

OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
WORDS = {
    "minimum": "maximum",
    "maximum": "minimum",
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "rint": "floor",
    "float64": "float32",
}
"""Functions and types beside which another stands."""

NO_ARITHMETIC = ("strict", "dtype", "all", "over", "invalid", "divide")
"""Keywords whose values decide no result: checks, types and silenced warnings."""


class Planter(ast.NodeTransformer):
    """Walk a tree, note every change that may be made, and make one of them.

    Parameters
    ----------
    lines : list of str
        The lines of the module.
    wanted : int or None
        Place of the change to make in ``sites``; None makes none.
    """

    def __init__(self, lines: list[str], wanted: int | None = None) -> None:
        self.lines, self.wanted = lines, wanted
        self.function = MODULE
        self.sites: list[Change] = []

    def visit(self, node: ast.AST) -> Any:
        """Return the node, changed if its turn has come."""
        if _computes_nothing(node):
            return node
        for changed in _changes(node):
            is_wanted = len(self.sites) == self.wanted
            before, after = ast.unparse(node), ast.unparse(changed)
            text = self.lines[node.lineno - 1].strip()
            site = Change(node.lineno, self.function, f"{before} -> {after}", text)
            self.sites.append(site)
            if is_wanted:
                return ast.copy_location(changed, node)
        if isinstance(node, ast.FunctionDef):
            outer, self.function = self.function, node.name
            node.body = [self.visit(statement) for statement in node.body]
            self.function = outer
            return node
        if isinstance(node, ast.AnnAssign):
            node.value = self.visit(node.value)
            return node
        return self.generic_visit(node)


def sites_of(source: str) -> list[Change]:
    """Return every change that may be made in a module."""
    planter = Planter(source.splitlines())
    planter.visit(ast.parse(source))
    return told_apart(planter.sites)


def planted(source: str, site: int | None) -> ast.Module:
    """Return a module with one change made, or none."""
    tree = Planter(source.splitlines(), site).visit(ast.parse(source))
    return ast.fix_missing_locations(tree)


def _computes_nothing(node: ast.AST) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Raise):
        return True
    if isinstance(node, ast.keyword):
        return node.arg in NO_ARITHMETIC
    if isinstance(node, ast.AnnAssign):
        return node.value is None
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what may stand in the place of one expression."""
    match node:
        case ast.BinOp(left, op, right) if type(op) in OPERATORS:
            yield ast.BinOp(left, OPERATORS[type(op)](), right)
        case ast.Compare(left, [op], right) if type(op) in OPERATORS:
            yield ast.Compare(left, [OPERATORS[type(op)]()], right)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(OPERATORS[type(op)](), values)
        case ast.UnaryOp(operand=operand):
            yield operand
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield ast.Constant(value + 1)
            yield ast.Constant(value - 1)
        case ast.Slice(lower, ast.expr() as upper, step):
            one = ast.Constant(1)
            yield ast.Slice(lower, ast.BinOp(upper, ast.Add(), one), step)
        case ast.Call(function, [first, second, *rest], keywords) if not isinstance(
            first, ast.Starred
        ) and not isinstance(second, ast.Starred):
            yield ast.Call(function, [second, first, *rest], keywords)
        case ast.Name(word, ctx) if word in WORDS:
            yield ast.Name(WORDS[word], ctx)
        case ast.Attribute(value, word, ctx) if word in WORDS:
            yield ast.Attribute(value, WORDS[word], ctx)
