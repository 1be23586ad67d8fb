"""What the names of a script hold: `model = …`, `self.model = …`, `model, tokenizer = load()`.

In: a syntax tree. Out: Assignments, which answer what a name or an attribute holds at its place. A
name is looked up as Python does, from its function outwards, and the last assignment before it
counts; an attribute of self may be assigned in any method of its class or of a base class. What is
assigned twice with something unknown is unknown, so that no other model's call is judged.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind = Literal["model", "tokenizer", "encoding", "hub-module", "preprocessor", "pipeline", ""]
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Scope: TypeAlias = ast.Module | Function | ast.ClassDef

HUB_LOADERS = ("tensorflow_hub.load", "tensorflow_hub.KerasLayer", "tensorflow_hub.Module")
OF_ALBERT = re.compile(r"(?<![a-z])albert|Albert|ALBERT|ALBert")  # VisualBERT is none
OF_BERT = re.compile(r"(?<![a-z])(?:al)?bert", re.IGNORECASE)  # an address; a RoBERTa's is not
MODEL_CLASS = re.compile(
    r"(?:TF|Flax)?(?:Albert|Bert|Roberta|DistilBert|Auto)(?:Model\w*|For[A-Z]\w+)"
)
# Whose classes are judged; a class that is not imported may be of the first.
JUDGED = ("transformers", "pytorch_transformers", "pytorch_pretrained_bert", "tensorflow_hub")
SAME_OBJECT = ("eval", "train", "to", "cuda", "half", "float", "cpu")  # methods that return self
OWN = ("self", "cls")  # how the methods of a class name its object


@dataclass(frozen=True, slots=True)
class Holding:
    """What a name holds."""

    kind: Kind
    origin: str = ""  # the first text of the call that made it
    padded: bool = False  # of an encoding: whether padding was asked for
    made_by: str = ""  # the name of the call that made it


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """One assignment of a name."""

    value: ast.expr | None  # None: something that is not read, such as the items of a loop
    index: int | None = None  # which of several returned values, if they are unpacked
    is_annotation: bool = False  # of a parameter: value is its class

    def is_before(self, node: ast.expr) -> bool:
        """Whether it has happened when the expression is computed."""
        if self.value is None or self.is_annotation:
            return True
        end = self.value.end_lineno or 0, self.value.end_col_offset or 0
        return end <= (node.lineno, node.col_offset)


class Assignments:
    """The assignments of a script by scope and name."""

    def __init__(self, tree: ast.Module, aliases: Mapping[str, str]) -> None:
        """Read the assignments.

        Args:
            tree: of the script.
            aliases: names in the script → full names.
        """
        self._aliases = aliases
        self._packages = {"albertkit", *(name.partition(".")[0] for name in aliases.values())}
        self._tree = tree
        self._scopes: dict[ast.AST, Scope] = {}  # of each node
        self._named: dict[tuple[Scope, str], list[Assignment]] = defaultdict(list)
        self._classes = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)}
        self._functions = {n.name: n for n in ast.walk(tree) if isinstance(n, Function)}
        self._holdings: dict[Assignment, Holding | None] = {}
        self._entered: set[str] = set()  # functions whose results are being looked up
        self._read(tree)

    def kinds(self) -> set[Kind]:
        """The kinds of all that is assigned."""
        assignments = [each for listed in self._named.values() for each in listed]
        return {holding.kind for each in assignments if (holding := self._resolve(each))}

    def is_judged(self, name: str) -> bool:
        """Whether a full name may be of a library that is judged, and not of another's."""
        root = name.partition(".")[0]
        return root in JUDGED or root not in {*self._classes, *self._packages}

    def is_in_class(self, node: ast.expr) -> bool:
        """Whether an expression is in a method or the body of a class."""
        return self._find_class_around(self._scopes[node]) is not None

    def value(self, node: ast.expr) -> ast.expr | None:
        """The expression that a name or an attribute was assigned; None if that is unknown."""
        assignment = self._find(node)
        return None if assignment is None or assignment.index is not None else assignment.value

    def holding(self, node: ast.expr | None) -> Holding | None:
        """What an expression gives: a name, an attribute or a call; None for none of the kinds."""
        if isinstance(node, ast.Name | ast.Attribute):
            assignment = self._find(node)
            return None if assignment is None else self._resolve(assignment)
        if isinstance(node, ast.IfExp):
            return self.holding(node.body) or self.holding(node.orelse)
        if isinstance(node, ast.BoolOp):
            return next(filter(None, map(self.holding, node.values)), None)
        return self._resolve_call(node) if isinstance(node, ast.Call) else None

    def full_name(self, node: ast.expr) -> str:
        """`hub.load` → `tensorflow_hub.load`; what is not imported keeps its name."""
        if isinstance(node, ast.Name):
            return self._aliases.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self.full_name(node.value)}.{node.attr}"
        if isinstance(node, ast.Call):
            return f"{self.full_name(node.func)}()"
        return ""

    def first_text(self, call: ast.Call) -> str:
        """The first text among the arguments; of a name, the text that it was assigned."""
        for argument in [*call.args, *(k.value for k in call.keywords)]:
            value: ast.expr | None = argument
            if isinstance(argument, ast.Name | ast.Attribute):
                value = self.value(argument)
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
                return value.value
        return ""

    def _resolve_call(self, call: ast.Call) -> Holding | None:
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr in SAME_OBJECT:
            return self.holding(function.value)
        source = self.holding(function) if isinstance(function, ast.Name | ast.Attribute) else None
        if source and source.kind == "tokenizer":
            padded = any(k.arg == "padding" and not _is_false(k.value) for k in call.keywords)
            return Holding("encoding", source.origin, padded, source.made_by)
        name = self.full_name(function)
        origin = self.first_text(call)
        kind = self._find_judged_kind(name, origin)
        if kind:
            return Holding(kind, origin, made_by=name)
        if name in self._entered:
            return None  # the function calls itself
        self._entered.add(name)
        holding = self.holding(self._find_returned(call))
        self._entered.remove(name)
        return holding

    def _find_judged_kind(self, name: str, origin: str) -> Kind:
        """The kind of object that a call of this name makes; "" for none that is judged."""
        return _find_kind(name, origin) if self.is_judged(name) else ""

    def _find_returned(self, call: ast.Call) -> ast.expr | None:
        """The expression that a function of the script returns, if it has one only."""
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name not in self._functions:
            return None
        function = self._functions[name]
        values = [
            node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Return) and self._scopes.get(node) is function
        ]
        return values[0] if len(values) == 1 else None

    def _resolve(self, assignment: Assignment) -> Holding | None:
        """What an assignment gives, computed once; one that leads back to itself gives nothing."""
        if assignment not in self._holdings:
            self._holdings[assignment] = None
            value = assignment.value
            if assignment.is_annotation and value is not None:
                name = self.full_name(value)
                kind = self._find_judged_kind(name, "")
                self._holdings[assignment] = Holding(kind, made_by=name) if kind else None
            elif assignment.index is not None:
                parts = self._find_returned(value) if isinstance(value, ast.Call) else None
                if isinstance(parts, ast.Tuple) and assignment.index < len(parts.elts):
                    self._holdings[assignment] = self.holding(parts.elts[assignment.index])
            else:
                self._holdings[assignment] = self.holding(value)
        return self._holdings[assignment]

    def _find(self, node: ast.expr) -> Assignment | None:
        """The assignment that counts for a name or an attribute at its place."""
        name = join_names(node)
        scope = self._scopes.get(node)
        if not name or scope is None:
            return None
        if name.partition(".")[0] in OWN:
            return self._find_attribute(name, self._find_class_around(scope), set())
        own = self._named.get((scope, name), [])
        before = [assignment for assignment in own if assignment.is_before(node)]
        if before:
            return before[-1]
        while scope is not self._tree:
            scope = self._scopes[scope]
            listed = self._named.get((scope, name), [])
            if listed and not isinstance(scope, ast.ClassDef):
                return listed[-1]
        return own[0] if own else None

    def _find_attribute(
        self, name: str, cls: ast.ClassDef | None, seen: set[ast.ClassDef]
    ) -> Assignment | None:
        """The assignment of `self.name` in a class or its bases; None if there are unlike ones."""
        if cls is None or cls in seen:
            return None
        seen.add(cls)
        attribute = name.partition(".")[2]
        listed = [
            assignment
            for key in (f"self.{attribute}", attribute)
            for assignment in self._named.get((cls, key), ())
            if not _is_none(assignment.value)
        ]
        if listed:
            kinds = {holding.kind if (holding := self._resolve(a)) else "" for a in listed}
            return listed[-1] if len(kinds) == 1 else None
        bases = (self._classes.get(join_names(base)) for base in cls.bases)
        results = (self._find_attribute(name, base, seen) for base in bases)
        return next(filter(None, results), None)

    def _find_class_around(self, scope: Scope) -> ast.ClassDef | None:
        while not isinstance(scope, ast.ClassDef):
            if scope is self._tree:
                return None
            scope = self._scopes[scope]
        return scope

    def _read(self, tree: ast.Module) -> None:
        """Note the scope of every node, then every assignment in the order of the lines."""
        stack: list[tuple[ast.AST, Scope]] = [(tree, tree)]
        order: list[ast.AST] = []
        while stack:
            node, scope = stack.pop()
            self._scopes[node] = scope
            order.append(node)
            inner = node if isinstance(node, Scope) else scope
            stack += [(child, inner) for child in reversed(list(ast.iter_child_nodes(node)))]
        is_global = {
            (self._scopes[node], name)
            for node in order
            if isinstance(node, ast.Global)
            for name in node.names
        }
        for node in order:
            scope = self._scopes[node]
            for target, assignment in _list_assignments(node):
                name = join_names(target)
                owner: Scope | None = node if isinstance(node, Function) else scope
                if name.partition(".")[0] in OWN and "." in name:
                    owner = self._find_class_around(scope)
                    name = f"self.{name.partition('.')[2]}"
                elif (scope, name) in is_global:
                    owner = self._tree
                if name and owner is not None:
                    self._named[owner, name].append(assignment)


def join_names(node: ast.AST) -> str:
    """`self.model` of an attribute, `model` of a name; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.arg):
        return node.arg
    if isinstance(node, ast.Attribute) and (owner := join_names(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def _list_assignments(node: ast.AST) -> Iterator[tuple[ast.AST, Assignment]]:
    """The targets of a node and what each is assigned."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pair(target, node.value)
    elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
        if node.value is not None:
            yield node.target, Assignment(node.value)
    elif isinstance(node, ast.For | ast.AsyncFor):
        yield from _pair(node.target, None)
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        yield from _pair(node.optional_vars, None)
    elif isinstance(node, Function):
        arguments = [*node.args.posonlyargs, *node.args.args]
        defaults = zip(reversed(arguments), reversed(node.args.defaults), strict=False)
        keywords = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        given = {argument: default for argument, default in [*defaults, *keywords] if default}
        for argument in [*arguments, *node.args.kwonlyargs]:
            default = given.get(argument)
            if argument.annotation is not None and _names_class(argument.annotation):
                yield argument, Assignment(argument.annotation, is_annotation=True)
            elif default is not None and not _is_none(default):
                yield argument, Assignment(default)


def _pair(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[ast.AST, Assignment]]:
    """Each name of a target with its part of the value."""
    if not isinstance(target, ast.Tuple | ast.List):
        yield target, Assignment(value)
        return
    parts = value.elts if isinstance(value, ast.Tuple | ast.List) else None
    for index, name in enumerate(target.elts):
        if parts is not None and len(parts) == len(target.elts):
            yield from _pair(name, parts[index])
        else:
            yield name, Assignment(value, index)


def _names_class(annotation: ast.expr) -> bool:
    """Whether an annotation is the class of a model or a tokenizer."""
    return bool(_find_kind(join_names(annotation), ""))


def _find_kind(name: str, origin: str) -> Kind:
    owner, _, method = name.rpartition(".")
    cls = owner.rpartition(".")[2]
    opens = method in ("from_pretrained", "from_config", "from_file")
    if name in HUB_LOADERS:
        if "preprocess" in origin:
            return "preprocessor"
        return "hub-module" if OF_BERT.search(origin) else ""
    if "Tokenizer" in (cls if opens else method):
        return "tokenizer"
    if MODEL_CLASS.fullmatch(cls if opens else method):
        return "model"
    return "pipeline" if method == "pipeline" else ""


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value in (False, None, "do_not_pad")


def _is_none(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is None
