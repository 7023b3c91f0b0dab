"""Owns: random statements over a small typed grammar: every function and operator of the catalog by its signature, casts, conditionals,
lambdas, aggregates and windows, now and then ill-typed.
Does not own: what the leaves are (leaves.py), who is asked (sides.py).
Invariant: a case is the same whenever its seed and number are, and says the same each time it is asked. What is known to differ, or has no
one answer, is not in it: `LEFT_OUT`, and what the comments at their places name.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from oracle_fuzz.leaves import LITERALS, MEANT, NEVER_ANY, ONLY_LITERAL, SUMMED

CATALOG = Path(__file__).resolve().parents[2] / "query/src/athena/functions/catalog.txt"
LEFT_OUT = {
    "rand", "random", "shuffle", "uuid", "now", "current_date", "current_timezone", "current_groups",  # another answer each time
    "sin", "cosh", "atan2", "inverse_beta_cdf",  # last digits
    "approx_distinct", "approx_most_frequent", "approx_percentile", "numeric_histogram",  # sketches
    "to_ieee754_32", "to_ieee754_64",  # which NaN it is
    "any_value", "arbitrary",  # any row's
    "approx_set", "merge", "empty_approx_set", "normalize", "word_stem", "bar", "render",  # refused by name
    "reduce_agg", "map_union", "listagg",  # by the order of rows, or with a syntax of their own
}  # fmt: skip
SCALARS = [name for name in LITERALS if name != "unknown"]
ILL_TYPED, DEPTH, ROWS = 0.012, 4, 4

Type = tuple  # its name, then its parameters' types: ("map", ("varchar",), ("bigint",))


@dataclass(frozen=True)
class Node:
    """An expression: its type, and text with expressions in it."""

    type: Type
    parts: tuple  # of str and Node

    def __str__(self) -> str:
        return "".join(map(str, self.parts))


def read_type(text: str) -> Type:
    """A type of the catalog, lengths and precisions left out; a name that is no type is a variable."""
    text = text.strip()
    name, _, rest = text.partition("(")
    if not rest:
        return (text,)
    inner, _, suffix = rest.rpartition(")")
    if name in ("array", "map", "row", "function"):
        return (name, *map(read_type, split(inner)))
    return (name + suffix,)


def split(text: str) -> list[str]:
    """At the commas that are in no parentheses."""
    parts, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip()]


@dataclass(frozen=True)
class Signature:
    name: str
    arguments: tuple
    more: bool
    result: Type


def signatures(section: str) -> list[Signature]:
    text = CATALOG.read_text().split(f"[{section}]\n")[1].split("\n[")[0]
    found = []
    for line in filter(None, text.splitlines()):
        name, arguments, result = re.fullmatch(r"([\w$]+)\((.*?)\) -> (.*?)(?: where .*)?", line).groups()
        networks = "ipaddress" in arguments  # not there
        overflows = "interval" in arguments and ("double" in arguments or "bigint" in arguments)  # into intervals that are none
        null_bins = name == "width_bucket" and "array" in arguments  # are zeros or out of order, depending on where they are
        if not (name in LEFT_OUT or networks or overflows or null_bins):
            arguments, more = arguments.removesuffix("..."), arguments.endswith("...")
            found.append(Signature(name, tuple(map(read_type, split(arguments))), more, read_type(result)))
    return found


SCALAR, AGGREGATE, WINDOW = signatures("scalar") + signatures("operator"), signatures("aggregate"), signatures("window")
INFIX = {"$add": "+", "$subtract": "-", "$multiply": "*", "$divide": "/", "$modulus": "%"}
ORDERED = {"array_agg", "map_agg", "multimap_agg", "histogram", "max_by", "min_by"}
KNOWN_TYPES = {*LITERALS, *ONLY_LITERAL, "array", "map", "row", "function"}


def unify(pattern: Type, wanted: Type, bound: dict) -> bool:
    if pattern[0] not in KNOWN_TYPES:
        return bound.setdefault(pattern[0], wanted) == wanted
    return pattern[0] == wanted[0] and len(pattern) == len(wanted) and all(unify(p, w, bound) for p, w in zip(pattern[1:], wanted[1:]))


class Grammar:
    """Expressions of one case."""

    def __init__(self, rng: random.Random):
        self.rng, self.names = rng, 0

    def any_type(self, nested: bool = True) -> Type:
        kind = self.rng.random() if nested else 1
        if kind < 0.12:
            return ("array", self.any_type(kind < 0.02))
        if kind < 0.17:
            return ("map", (self.rng.choice(["varchar", "bigint", "integer", "date"]),), self.any_type(False))
        if kind < 0.21:
            return ("row", self.any_type(False), self.any_type(False))
        usual = ["boolean", "integer", "bigint", "decimal", "double", "varchar", "date", "timestamp"]
        return (self.rng.choice(usual if self.rng.random() < 0.5 else SCALARS),)

    # ---- leaves ----

    def leaf(self, ty: Type, scope: list) -> Node:
        known = [name for name, of in scope if of == ty]
        roll = self.rng.random()
        if known and roll < 0.7:
            return Node(ty, (self.rng.choice(known),))
        if roll < 0.04:
            return Node(ty, ("NULL",))
        return self.column(ty) if roll < 0.3 and ty[0] in SCALARS else self.literal(ty, scope)

    def column(self, ty: Type) -> Node:
        return Node(ty, ("c_" + ty[0].replace(" ", "_"),))

    def literal(self, ty: Type, scope: list = ()) -> Node:
        some = range(self.rng.choice([0, 1, 2, 2, 3]))
        match ty[0]:
            case "array":
                return Node(ty, ("ARRAY[", *commas([self.leaf(ty[1], scope) for _ in some]), "]"))
            case "map":
                keys = {str(key): key for key in (self.literal(ty[1], scope) for _ in some)}.values()
                return Node(ty, ("MAP(ARRAY[", *commas(keys), "], ARRAY[", *commas([self.leaf(ty[2], scope) for _ in keys]), "])"))
            case "row":
                return Node(ty, ("ROW(", *commas([self.leaf(of, scope) for of in ty[1:]]), ")"))
            case "function":
                return self.function(ty, 0, scope)
            case name:
                return Node(ty, (self.rng.choice((LITERALS | ONLY_LITERAL).get(name) or LITERALS["bigint"]),))

    # ---- what grows ----

    def expr(self, ty: Type, depth: int, scope: list = ()) -> Node:
        if self.rng.random() < ILL_TYPED:
            ty = self.any_type()
        if ty[0] == "function":
            return self.function(ty, depth, scope)
        if ty[0] in ONLY_LITERAL or depth <= 0 or self.rng.random() < 0.15:
            return self.leaf(ty, scope)
        forms = [self.call, self.call, self.call, self.conditional, self.cast]
        if ty[0] == "boolean":
            forms += [self.predicate] * 4
        if ty[0] == "varchar":
            forms += [self.joined]
        return self.rng.choice(forms)(ty, depth, scope)

    def function(self, ty: Type, depth: int, scope: list) -> Node:
        self.names += 1
        names = [f"x{self.names}_{at}" for at in range(len(ty) - 2)]
        body = self.expr(ty[-1], depth - 1, [*scope, *zip(names, ty[1:])])
        return Node(ty, (f"({', '.join(names)}) -> ", body))

    def call(self, ty: Type, depth: int, scope: list) -> Node:
        fitting: dict[str, list] = {}
        for signature in SCALAR:
            bound = {}
            if unify(signature.result, ty, bound) and (signature.result[0] in KNOWN_TYPES or self.rng.random() < 0.3):
                fitting.setdefault(signature.name, []).append((signature, bound))
        if not fitting:
            return self.leaf(ty, scope)
        signature, bound = self.rng.choice(fitting[self.rng.choice(list(fitting))])
        arguments = self.arguments(signature, dict(bound), depth, scope)
        if signature.name in INFIX:
            return Node(ty, ("(", arguments[0], f" {INFIX[signature.name]} ", arguments[1], ")"))
        if signature.name == "$negate":
            return Node(ty, ("(- ", arguments[0], ")"))
        if signature.name == "$subscript":
            return Node(ty, (arguments[0], "[", arguments[1], "]"))
        return Node(ty, (signature.name, "(", *commas(arguments), ")"))

    def arguments(self, signature: Signature, bound: dict, depth: int, scope: list) -> list[Node]:
        types = list(signature.arguments)
        if signature.more:
            types += types[-1:] * self.rng.randrange(3)
        return [self.argument(signature.name, at, self.filled(ty, bound), depth, scope) for at, ty in enumerate(types)]

    def argument(self, name: str, at: int, ty: Type, depth: int, scope: list) -> Node:
        meant = MEANT.get((name, at))
        fits = meant and ty[0] in ("varchar", "bigint", "integer", "double")
        if fits and (ty[0] == "varchar") == meant[0].startswith("'") and (self.rng.random() < 0.9 or (name, at) in NEVER_ANY):
            return Node(ty, (self.rng.choice(meant),))
        if name in ("$add", "$subtract") and ty[0].startswith("interval"):
            return self.leaf(ty, scope)  # a time of day and an interval of more than 106 days go astray in Trino
        return self.expr(ty, depth - 1, scope)

    def filled(self, ty: Type, bound: dict) -> Type:
        if ty[0] not in KNOWN_TYPES:
            if ty[0] not in bound:
                bound[ty[0]] = self.any_type(False)
            return bound[ty[0]]
        return (ty[0], *(self.filled(of, bound) for of in ty[1:]))

    def conditional(self, ty: Type, depth: int, scope: list) -> Node:
        one = lambda of=ty: self.expr(of, depth - 1, scope)  # noqa: E731
        boolean = ("boolean",)
        match self.rng.randrange(7):
            case 0:
                return Node(ty, ("CASE WHEN ", one(boolean), " THEN ", one(), " ELSE ", one(), " END"))
            case 1:
                of = self.any_type(False)
                return Node(ty, ("CASE ", one(of), " WHEN ", one(of), " THEN ", one(), " WHEN ", one(of), " THEN ", one(), " END"))
            case 2:
                return Node(ty, ("IF(", one(boolean), ", ", one(), ", ", one(), ")"))
            case 3:
                return Node(ty, ("coalesce(", one(), ", ", one(), ")"))
            case 4:
                return Node(ty, ("nullif(", one(), ", ", one(), ")"))
            case 5:
                return Node(ty, ("TRY(", one(), ")"))
            case _:
                return Node(ty, (self.rng.choice(["greatest", "least"]), "(", *commas([one() for _ in range(self.rng.randrange(1, 4))]), ")"))

    def cast(self, ty: Type, depth: int, scope: list) -> Node:
        source = self.any_type() if self.rng.random() < 0.6 else (self.rng.choice(["varchar", "bigint", "double", "decimal", "json"]),)
        verb = self.rng.choice(["CAST", "CAST", "TRY_CAST"])
        if ty[0] == "varchar" and source[0].startswith(("time", "boolean", "json", "interval")):
            # A text that is too short is a fault of Trino's own, but only where somebody looks at it.
            return Node(ty, (f"{verb}(", self.expr(source, depth - 1, scope), " AS varchar)"))
        return Node(ty, (f"{verb}(", self.expr(source, depth - 1, scope), f" AS {self.spelled(ty)})"))

    def spelled(self, ty: Type) -> str:
        """The type as a cast names it, with some precision."""
        name, digits = ty[0], self.rng.choice([0, 3, 3, 6, 6, 9, 12, 1])
        match name:
            case "array" | "map":
                return f"{name}({', '.join(map(self.spelled, ty[1:]))})"
            case "row":
                return f"row({', '.join(f'f{at} {self.spelled(of)}' for at, of in enumerate(ty[1:]))})"
            case "decimal":
                return f"decimal({self.rng.choice(['3,1', '10,2', '18,0', '18,6', '19,4', '38,0', '38,10', '38,20', '5,5'])})"
            case "varchar":
                return self.rng.choice(["varchar", "varchar", "varchar(1)", "varchar(5)", "varchar(30)"])
            case "char":
                return self.rng.choice(["char(1)", "char(3)", "char(10)"])
            case "time" | "timestamp" | "time with time zone" | "timestamp with time zone":
                first, _, rest = name.partition(" ")
                return f"{first}({digits}) {rest}".strip()
            case "unknown" | "function":
                return "varchar"
            case _:
                return name

    def joined(self, ty: Type, depth: int, scope: list) -> Node:
        return Node(ty, ("(", self.expr(ty, depth - 1, scope), " || ", self.expr(ty, depth - 1, scope), ")"))

    def predicate(self, ty: Type, depth: int, scope: list) -> Node:
        of = self.any_type()
        one = lambda of=of: self.expr(of, depth - 1, scope)  # noqa: E731
        match self.rng.randrange(8):
            case 0 | 1:
                return Node(ty, ("(", one(), self.rng.choice([" = ", " <> ", " < ", " <= ", " > ", " >= "]), one(), ")"))
            case 2:
                return Node(ty, ("(", one(), self.rng.choice([" IS DISTINCT FROM ", " IS NOT DISTINCT FROM "]), one(), ")"))
            case 3:
                # Beside a NULL in the list, Trino forgets what it knows of the other items.
                items = [item for item in (one(), one()) if str(item) != "NULL"] or [self.literal(of)]
                return Node(ty, ("(", one(), self.rng.choice([" IN (", " NOT IN ("]), *commas(items), "))"))
            case 4:
                return Node(ty, ("(", one(), self.rng.choice([" IS NULL", " IS NOT NULL"]), ")"))
            case 5:
                # Of a constant and a constant bound, Trino takes the other bound for one that must not be reached.
                of = self.any_type(False)
                bounds = [self.literal(of), " AND ", self.literal(of)]
                return Node(ty, ("(", one(of), self.rng.choice([" BETWEEN ", " NOT BETWEEN "]), *bounds, ")"))
            case 6:
                pattern = self.rng.choice(["'%a%'", "'a_c'", "''", "'%'", "'_'", "'é%'", "'%X%' ESCAPE 'X'", "'a#%%' ESCAPE '#'"])
                return Node(ty, ("(", one(("varchar",)), self.rng.choice([" LIKE ", " NOT LIKE "]) + pattern, ")"))
            case _:
                if self.rng.random() < 0.3:
                    return Node(ty, ("(NOT ", one(ty), ")"))
                return Node(ty, ("(", one(ty), self.rng.choice([" AND ", " OR "]), one(ty), ")"))

    # ---- over rows ----

    def aggregate(self, depth: int, over: bool = False) -> Node:
        signature = self.rng.choice(AGGREGATE)
        arguments = self.arguments(signature, {}, depth, ())
        # A sum of any doubles is known to differ in its last digits, and more where they cancel out.
        inexact = [("double",), ("real",)]
        arguments = [Node(of, ("c_summed",)) if of in inexact else node for of, node in zip(signature.arguments, arguments)]
        if signature.name in ("max_by", "min_by"):
            arguments[1] = Node(("bigint",), ("n",))  # of equal keys either may be taken
            if len(arguments) == 3:
                arguments[0] = arguments[1]  # Trino mixes up which of several values are NULL
        text = ["*"] if signature.name == "count" and not arguments else commas(arguments)
        if not over and len(arguments) == 1 and self.rng.random() < 0.2:
            text = ["DISTINCT ", *text] + ([" ORDER BY ", arguments[0]] if signature.name in ORDERED else [])
        elif not over and signature.name in ORDERED:
            text += [" ORDER BY n"]
        tail = [" FILTER (WHERE ", self.expr(("boolean",), depth - 1), ")"] if self.rng.random() < 0.15 else []
        return Node(("aggregate",), (signature.name, "(", *text, ")", *tail))

    def window(self, depth: int) -> Node:
        if self.rng.random() < 0.6:
            call = self.aggregate(depth, over=True)
        else:
            signature = self.rng.choice(WINDOW)
            call = Node(("aggregate",), (signature.name, "(", *commas(self.arguments(signature, {}, depth, ())), ")"))
        order = ["n"] if self.rng.random() < 0.6 else [self.expr(self.any_type(False), 0), self.rng.choice([" DESC", " NULLS FIRST", ""]), ", n"]
        partition = self.rng.choice([[], ["PARTITION BY g "], ["PARTITION BY ", self.expr(self.any_type(False), 0), " "]])
        frames = ["", "", " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW", " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"]
        frames += [" ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " GROUPS 1 PRECEDING", " ROWS BETWEEN 2 FOLLOWING AND 3 FOLLOWING"]
        return Node(("window",), (call, " OVER (", *partition, "ORDER BY ", *order, self.rng.choice(frames), ")"))


def commas(nodes: Iterable[Node]) -> list:
    return [part for node in nodes for part in (", ", node)][1:]


# ---- cases ----

FORMS = {
    "row": "SELECT {tag}n, {e} AS v{type} FROM {t}",
    "all": "SELECT {tag}0 AS n, {e} AS v{type} FROM {t}",
    "group": "SELECT {tag}g AS n, {e} AS v{type} FROM {t} GROUP BY g",
    "key": "SELECT {tag}count(*) AS n, {e} AS v{type} FROM {t} GROUP BY {e}",
    "where": "SELECT {tag}n, true AS v{type} FROM {t} WHERE {e}",
}


@dataclass(frozen=True)
class Case:
    form: str
    expr: Node
    table: dict  # the values of each column, a text a row

    def sql(self, tag: str = "", type_of: bool = False) -> str:
        kind = "'boolean'" if self.form == "where" else f"typeof({self.expr})"
        told = f", {kind} AS y" if type_of else ""
        return FORMS[self.form].format(tag=tag, e=self.expr, type=told, t=values(self.table, str(self.expr)))


def values(table: dict, text: str) -> str:
    """The table of the columns that a text speaks of."""
    used = [name for name in table if name in ("n", "g") or re.search(rf"\b{name}\b", text)]
    rows = ", ".join(f"({', '.join(row)})" for row in zip(*(table[name] for name in used)))
    return f"(VALUES {rows}) t({', '.join(used)})"


def a_table(rng: random.Random) -> dict:
    """A column of each type, NULLs among its values, a key `n` and groups `g`."""
    rows = range(ROWS)
    table = {"n": [str(at) for at in rows], "g": [rng.choice(["'a'", "'b'", "CAST(NULL AS varchar)"]) for _ in rows]}
    for name in SCALARS:
        # One precision in each column: common types are for expressions to find.
        alike = rng.sample(LITERALS[name], 1) if name in ("decimal", "char", "time", "timestamp") or "zone" in name else LITERALS[name]
        drawn = [rng.choice(alike) if rng.random() < 0.8 else "NULL" for _ in rows]
        table["c_" + name.replace(" ", "_")] = [rng.choice(alike), *drawn[1:]]
    return table | {"c_summed": ["1e0", *(rng.choice(SUMMED) for _ in rows[1:])]}


def case(seed: int, number: int, round_: int) -> Case:
    rng, table = random.Random(f"{seed}/{number}"), a_table(random.Random(f"{seed}/table/{round_}"))
    grammar, roll = Grammar(rng), rng.random()
    depth = rng.randrange(1, DEPTH + 1)
    if roll < 0.1:
        return Case(rng.choice(["all", "group"]), grammar.aggregate(depth - 1), table)
    if roll < 0.2:
        return Case("row", grammar.window(depth - 2), table)
    if roll < 0.23:
        return Case("where", grammar.expr(("boolean",), depth), table)
    expr = grammar.expr(grammar.any_type(), depth)
    # A number alone would be the place of a column.
    return Case("key" if roll < 0.25 and not str(expr).lstrip("-").isdigit() else "row", expr, table)
