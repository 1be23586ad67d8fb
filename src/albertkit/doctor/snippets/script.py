"""What a script does, as far as its syntax shows: imports, calls, and what each variable holds.

In: Python source or a notebook. Out: a Script, on which rules are checked. Nothing is run. Lines
that do not parse are left out one by one, and reported: snippets on web pages are often cut off.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from albertkit.doctor.snippets.sources import mask_shell, read_notebook

Kind = Literal["model", "tokenizer", "encoding", "hub-module", "preprocessor", "pipeline", ""]

MOST_REPAIRS = 50  # lines that are left out before the rest is given up
TOO_DEEP = "it is nested too deeply to be read"
BROKEN_SHARE = 3  # a third of the lines may be broken in code from a web page
SHORT_NAMES = {  # how people import these; a snippet often leaves the import out
    "hub": "tensorflow_hub",
    "tf": "tensorflow",
    "np": "numpy",
    "keras": "keras",
    "text": "tensorflow_text",
}
HUB_LOADERS = ("tensorflow_hub.load", "tensorflow_hub.KerasLayer", "tensorflow_hub.Module")
OF_BERT = re.compile(r"(?<![a-z])(?:al)?bert", re.IGNORECASE)  # an address; a RoBERTa's is not
VERSION = re.compile(r"/(\d+)/?$")
MODEL_CLASS = re.compile(
    r"(?:TF|Flax)?(?:Albert|Bert|Roberta|DistilBert|Auto)(?:Model\w*|For[A-Z]\w+)"
)
SAME_OBJECT = ("eval", "train", "to", "cuda", "half", "float", "cpu")  # methods that return self


@dataclass(frozen=True, slots=True)
class CallSite:
    """A call in the script.

    Attributes:
        node: the call.
        name: what is called, with import aliases resolved, such as `tensorflow_hub.load`.
        kind: what the called object is, as far as assignments show.
        origin: the first text that the called object was made with, such as a model's name.
    """

    node: ast.Call
    name: str
    kind: Kind = ""
    origin: str = ""

    @property
    def line(self) -> int:
        """The line of the call, from 1."""
        return self.node.lineno

    @property
    def method(self) -> str:
        """The last part of the name."""
        return self.name.rpartition(".")[2]

    def keyword(self, name: str) -> ast.expr | None:
        """The value of a keyword; None if it is not given."""
        return next((k.value for k in self.node.keywords if k.arg == name), None)

    def constant(self, name: str) -> object:
        """The value of a keyword if it is written out; None otherwise."""
        value = self.keyword(name)
        return value.value if isinstance(value, ast.Constant) else None

    @property
    def keywords(self) -> list[str]:
        """The names of its keywords, without `**`."""
        return [k.arg for k in self.node.keywords if k.arg]

    @property
    def unpacks(self) -> bool:
        """Whether it has `**something`."""
        return any(k.arg is None for k in self.node.keywords)

    @property
    def arguments(self) -> list[ast.expr]:
        """The arguments by position."""
        return self.node.args

    @property
    def version(self) -> int | None:
        """The version at the end of a TF Hub address; None if there is none."""
        match = VERSION.search(self.origin)
        return int(match[1]) if match else None


@dataclass(frozen=True, slots=True)
class Holding:
    """What a variable holds."""

    kind: Kind
    origin: str = ""  # the first text of the call that made it
    padded: bool = False  # of an encoding: whether padding was asked for
    made_by: str = ""  # the name of the call that made it


@dataclass(slots=True)
class Script:
    """A script, and what its syntax shows.

    Attributes:
        source: the code.
        tree: its syntax, without the lines that do not parse.
        broken: the lines that do not parse, with the parser's message; 0 is the whole script.
        shell: lines for a shell, by number.
        modules: modules that are imported.
        aliases: names in the script → full names.
        variables: what each variable holds; a name that is assigned twice keeps the last.
        calls: all calls, from the top.
        texts: the text that each variable is assigned first, if one is written out.
    """

    source: str
    tree: ast.Module
    broken: dict[int, str]
    shell: dict[int, str]
    modules: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=lambda: dict(SHORT_NAMES))
    variables: dict[str, Holding] = field(default_factory=dict)
    calls: list[CallSite] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.source.splitlines()

    def line(self, number: int) -> str:
        """A line of the source, without the space around it."""
        return self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""

    def calls_of(self, kind: Kind) -> Iterator[CallSite]:
        """The calls of objects of a kind."""
        return (call for call in self.calls if call.kind == kind)

    def mentions(self, word: str) -> bool:
        """Whether a word occurs in the source, in any case."""
        return word.lower() in self.source.lower()


def read_script(source: str) -> Script:
    """Parse a script.

    Args:
        source: Python, with or without lines for a shell; or the JSON of a notebook.
    """
    source = source.removeprefix("\ufeff")
    if source.lstrip().startswith("{") and '"cells"' in source:
        source = read_notebook(source)
    try:
        tree, broken, shell = _parse(source)
        script = Script(source, tree, broken, shell)
        _read_imports(script)
        _read_variables(script)
        script.calls = sorted(
            _list_calls(script), key=lambda call: (call.line, call.node.col_offset)
        )
    except (RecursionError, MemoryError):
        return unreadable_script(source)
    return script


def unreadable_script(source: str) -> Script:
    """A script of which nothing is read: its expressions are deeper than Python's stack."""
    return Script(source, ast.Module([], []), {0: TOO_DEEP}, {})


def looks_like_code(text: str) -> bool:
    """Whether a text is mostly Python that calls or imports something, or lines for a shell."""
    script = read_script(text)
    lines = sum(1 for line in text.splitlines() if line.strip())
    is_readable = len(script.broken) <= max(1, lines // BROKEN_SHARE)
    commands = [line for line in script.shell.values() if not line.endswith("?")]  # "Why?" is none
    return is_readable and bool(script.calls or script.modules or commands)


def _parse(source: str) -> tuple[ast.Module, dict[int, str], dict[int, str]]:
    """Parse what can be parsed; a line that cannot is replaced by an empty one."""
    try:
        return ast.parse(source), {}, {}
    except (SyntaxError, ValueError):
        pass
    broken: dict[int, str] = {}
    lines, shell = mask_shell(source.replace("\t", "    ").splitlines())
    if lines and all(line.startswith((">>>", "...")) or not line for line in lines):
        lines = [line[4:] for line in lines]
    for _ in range(MOST_REPAIRS):
        try:
            return ast.parse("\n".join(lines)), broken, shell
        except SyntaxError as error:
            number = min(max(error.lineno or 1, 1), len(lines))
            message = error.msg
        except ValueError as error:  # a null byte
            return ast.Module([], []), {1: str(error)}, shell
        while number > 1 and not lines[number - 1].strip():
            number -= 1
        broken[number] = message
        indentation = lines[number - 1][: -len(lines[number - 1].lstrip()) or None]
        lines[number - 1] = f"{indentation}pass" if indentation.isspace() else ""
    return ast.Module([], []), broken, shell


def _read_imports(script: Script) -> None:
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                script.modules.add(name.name)
                script.aliases[name.asname or name.name.partition(".")[0]] = (
                    name.name if name.asname else name.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            script.modules.add(node.module)
            for name in node.names:
                script.aliases[name.asname or name.name] = f"{node.module}.{name.name}"


def _read_variables(script: Script) -> None:
    """What the assignments of the script put into its variables, in order."""
    assignments = [node for node in ast.walk(script.tree) if isinstance(node, ast.Assign)]
    for node in assignments:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    script.texts.setdefault(target.id, node.value.value)
    for node in sorted(assignments, key=lambda node: node.lineno):
        holding = _holding(script, node.value)
        for target in node.targets:
            if isinstance(target, ast.Name) and holding:
                script.variables[target.id] = holding


def _holding(script: Script, value: ast.expr) -> Holding | None:
    """What an expression gives."""
    if isinstance(value, ast.Name):
        return script.variables.get(value.id)
    if not isinstance(value, ast.Call):
        return None
    function = value.func
    name = full_name(script, function)
    if isinstance(function, ast.Attribute) and function.attr in SAME_OBJECT:
        return _holding(script, function.value)
    if isinstance(function, ast.Name):
        source = script.variables.get(function.id)
        if source and source.kind == "tokenizer":
            padded = any(k.arg == "padding" and not _is_false(k.value) for k in value.keywords)
            return Holding("encoding", source.origin, padded, source.made_by)
    origin = _first_text(script, value)
    kind = _kind_made_by(name, origin)
    return Holding(kind, origin, made_by=name) if kind else None


def _kind_made_by(name: str, origin: str) -> Kind:
    """The kind of object that a call of this name makes; "" for none of ours."""
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


def _list_calls(script: Script) -> Iterator[CallSite]:
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Call):
            name = full_name(script, node.func)
            holding = _object_of(script, node.func)
            if holding:
                yield CallSite(node, name, holding.kind, holding.origin)
            else:
                yield CallSite(node, name, "", _first_text(script, node))


def _object_of(script: Script, function: ast.expr) -> Holding | None:
    """The object that is called: a variable, or the result of another call."""
    if isinstance(function, ast.Name):
        return script.variables.get(function.id)
    return _holding(script, function) if isinstance(function, ast.Call) else None


def full_name(script: Script, node: ast.expr) -> str:
    """`hub.load` → `tensorflow_hub.load`; the name of an attribute of something unknown stays."""
    if isinstance(node, ast.Name):
        return script.aliases.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{full_name(script, node.value)}.{node.attr}"
    if isinstance(node, ast.Call):
        return f"{full_name(script, node.func)}()"
    return ""


def _first_text(script: Script, call: ast.Call) -> str:
    """The first text among the arguments; of a variable, the text that it was assigned."""
    for value in [*call.args, *(k.value for k in call.keywords)]:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
        if isinstance(value, ast.Name):
            text = script.texts.get(value.id, "")
            if text:
                return text
    return ""


def _is_false(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value in (False, None, "do_not_pad")
