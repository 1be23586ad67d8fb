"""What a script does, as far as its syntax shows: imports, calls, and what each name holds.

In: Python source or a notebook. Out: a Script, on which rules are checked. Nothing is run. Lines
that do not parse are left out one by one, and reported: snippets on web pages are often cut off.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from albertkit.doctor.snippets.assignments import OF_ALBERT, Assignments, Kind
from albertkit.doctor.snippets.sources import mask_shell, read_notebook

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
HANDLE_VERSION = re.compile(r"/(\d+)/?$")


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
        match = HANDLE_VERSION.search(self.origin)
        return int(match[1]) if match else None


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
        names: what its variables and attributes hold.
        calls: all calls, from the top.
    """

    source: str
    tree: ast.Module
    broken: dict[int, str]
    shell: dict[int, str]
    modules: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=lambda: dict(SHORT_NAMES))
    calls: list[CallSite] = field(default_factory=list)
    names: Assignments = field(init=False)
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        """Read the lines, the imports and the assignments."""
        self.lines = self.source.splitlines()
        _read_imports(self)
        self.names = Assignments(self.tree, self.aliases)

    def line(self, number: int) -> str:
        """A line of the source, without the space around it."""
        return self.lines[number - 1].strip() if 0 < number <= len(self.lines) else ""

    def insert(self, number: int, column: int, words: str) -> str:
        """A line with some words put in before a column, which counts bytes as `ast` does."""
        line = self.lines[number - 1].encode()
        return (line[:column] + words.encode() + line[column:]).decode(errors="replace").strip()

    def calls_of(self, kind: Kind) -> Iterator[CallSite]:
        """The calls of objects of a kind."""
        return (call for call in self.calls if call.kind == kind)

    def is_of_albert(self) -> bool:
        """Whether an ALBERT occurs in the source."""
        return OF_ALBERT.search(self.source) is not None

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
    source = _strip_prompts(source.replace("\t", "    "))
    try:
        tree, broken, shell = _parse(source)
        script = Script(source, tree, broken, shell)
        script.calls = sorted(
            _list_calls(script), key=lambda call: (call.line, call.node.col_offset)
        )
    except (RecursionError, MemoryError):
        return make_unreadable_script(source)
    return script


def make_unreadable_script(source: str) -> Script:
    """A script of which nothing is read: its expressions are deeper than Python's stack."""
    return Script(source, ast.Module([], []), {0: TOO_DEEP}, {})


def looks_like_code(text: str) -> bool:
    """Whether a text is mostly Python that calls or imports something, or lines for a shell."""
    script = read_script(text)
    lines = sum(1 for line in text.splitlines() if line.strip())
    is_readable = len(script.broken) <= max(1, lines // BROKEN_SHARE)
    commands = [line for line in script.shell.values() if not line.endswith("?")]  # "Why?" is none
    return is_readable and bool(script.calls or script.modules or commands)


def _strip_prompts(source: str) -> str:
    """The source without Python's prompts, if each line has one."""
    lines = source.splitlines()
    if lines and all(line.startswith((">>>", "...")) or not line for line in lines):
        return "\n".join(line[4:] for line in lines)
    return source


def _parse(source: str) -> tuple[ast.Module, dict[int, str], dict[int, str]]:
    """Parse what can be parsed; a line that cannot is replaced by an empty one."""
    try:
        return ast.parse(source), {}, {}
    except (SyntaxError, ValueError):
        pass
    broken: dict[int, str] = {}
    lines, shell = mask_shell(source.splitlines())
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


def _list_calls(script: Script) -> Iterator[CallSite]:
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Call):
            name = script.names.full_name(node.func)
            holding = script.names.holding(node.func)
            if holding:
                yield CallSite(node, name, holding.kind, holding.origin)
            else:
                yield CallSite(node, name, "", script.names.first_text(node))
