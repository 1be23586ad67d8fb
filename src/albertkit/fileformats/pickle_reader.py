"""Read pickled Python objects as data: the few instructions that files of tensors need.

Numbers, texts, lists, tuples and dicts become themselves; the name of a function or class stays a
name, and a call becomes its name and arguments. Nothing is imported, called or constructed. An
unexpected name or instruction is an error, so that a file with code in it is refused.
Format: the opcodes of protocol 2, as CPython's Lib/pickletools.py documents them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from albertkit.errors import FormatError
from albertkit.fileformats.reader import ByteReader

MOST_INSTRUCTIONS = 250_000  # a tensor takes 35; each makes at most one small object
LONGEST_NAME = 200  # characters of a function's or class's name, its module included
PROTOCOLS = (2, 3)  # 3 only added instructions for bytes
ORDERED_DICT = "collections.OrderedDict"


@dataclass(frozen=True, slots=True)
class Named:
    """The name of a function or class: `torch.FloatStorage`."""

    name: str


@dataclass(frozen=True, slots=True)
class Called:
    """A call that unpickling would make, and that is not made here."""

    what: Named
    arguments: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """Something outside the pickled bytes, which `key` identifies (a persistent id)."""

    key: Value


Value: TypeAlias = (
    "bool | int | float | str | list[Value] | tuple[Value, ...] | dict[int | str, Value]"
    " | Named | Called | Reference | None"
)


def read_pickled(reader: ByteReader, expected: Collection[str]) -> Value:
    """Read one pickled object.

    Args:
        reader: At the object's first byte; left after its last.
        expected: The functions and classes that may be named, as module.name. An OrderedDict is
            always read, as a dict.

    Returns:
        The object. Its parts may be shared many times over: do not walk through all of it.

    Raises:
        FormatError: [file-with-code], [file-malformed], [file-truncated].
    """
    machine = _Machine(reader, expected)
    for _ in range(MOST_INSTRUCTIONS):
        opcode = machine.take(1)
        if opcode == b".":
            return machine.pop()
        instruction = INSTRUCTIONS.get(opcode)
        if instruction is None:
            raise machine.code_error(f"holds the instruction {opcode!r}")
        instruction(machine)
    raise machine.format_error(f"it has more than {MOST_INSTRUCTIONS:,} instructions")


class _Machine:
    """The state of an unpickler: a stack with marks, and a memo."""

    def __init__(self, reader: ByteReader, expected: Collection[str]) -> None:
        self.reader = reader
        self.expected = expected
        self.stack: list[Value] = []
        self.marks: list[int] = []  # heights of the stack
        self.memo: dict[int, Value] = {}

    def take(self, count: int) -> bytes:
        return bytes(self.reader.take(count, "pickled objects"))

    def number(self, size: int, *, signed: bool = False) -> int:
        """Take the next `size` bytes as a little-endian number."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def push(self, value: Value) -> None:
        self.stack.append(value)

    def pop(self) -> Value:
        self._check_height(1)
        return self.stack.pop()

    def pop_many(self, count: int) -> tuple[Value, ...]:
        self._check_height(count)
        values = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        return values

    def pop_to_mark(self) -> tuple[Value, ...]:
        if not self.marks:
            raise self.format_error("it closes a list that it never opened")
        return self.pop_many(len(self.stack) - self.marks.pop())

    def top(self) -> Value:
        self._check_height(1)
        return self.stack[-1]

    def _check_height(self, count: int) -> None:
        if len(self.stack) - count < (self.marks[-1] if self.marks else 0):
            raise self.format_error("it takes a value from an empty stack")

    def format_error(self, what: str) -> FormatError:
        return self.reader.format_error(what)

    def code_error(self, what: str) -> FormatError:
        return FormatError(
            "file-with-code",
            f"the file {what}",
            why="tensors and their names do not need it, and it could run code when unpickled",
            fix="Take the model's .safetensors file; if you trust this one, save its state_dict",
            where=self.reader.name,
        )


def _check_protocol(machine: _Machine) -> None:
    version = machine.number(1)
    if version not in PROTOCOLS:
        raise machine.code_error(f"is pickled by protocol {version}, torch uses 2")


def _name(machine: _Machine) -> None:
    name = f"{_read_line(machine)}.{_read_line(machine)}"
    if name != ORDERED_DICT and name not in machine.expected:
        raise machine.code_error(f"names {name}")
    machine.push(Named(name))


def _read_line(machine: _Machine) -> str:
    reader = machine.reader
    window = bytes(reader.data[reader.offset : reader.offset + LONGEST_NAME])
    length = window.find(b"\n")
    if length < 0:
        raise machine.format_error("a name in it does not end")
    reader.take(length + 1)
    return window[:length].decode("utf-8", errors="backslashreplace")


def _call(machine: _Machine) -> None:
    what, arguments = machine.pop_many(2)
    if not isinstance(what, Named) or not isinstance(arguments, tuple):
        raise machine.format_error("it calls a value that is not a name")
    if what.name != ORDERED_DICT:
        machine.push(Called(what, arguments))
    elif arguments:
        raise machine.format_error("it fills an OrderedDict as Python 2 did")
    else:
        machine.push({})


def _drop_attributes(machine: _Machine) -> None:
    """Drop attributes: a state_dict has the versions of its modules there."""
    target, _ = machine.pop_many(2)
    if not isinstance(target, dict):
        raise machine.format_error("it sets attributes of a value that is not a dict")
    machine.push(target)


def _text(machine: _Machine) -> None:
    raw = machine.take(machine.number(4))
    try:
        machine.push(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise machine.format_error("a text in it is not UTF-8") from error


def _push_long(machine: _Machine) -> None:
    machine.push(machine.number(machine.number(1), signed=True))


def _set_items(machine: _Machine, items: tuple[Value, ...]) -> None:
    target = machine.top()
    if not isinstance(target, dict) or len(items) % 2:
        raise machine.format_error("it sets items of a value that is not a dict")
    for key, value in zip(items[::2], items[1::2], strict=True):
        # only keys that compare fast: the parts of a tuple may be shared a billion times
        if not isinstance(key, int | str):
            raise machine.format_error("a dict has a key that is neither a number nor a text")
        if key in target:
            raise machine.format_error(f"a dict has the key {key!r:.100} twice")
        target[key] = value


def _append(machine: _Machine, items: tuple[Value, ...]) -> None:
    target = machine.top()
    if not isinstance(target, list):
        raise machine.format_error("it appends to a value that is not a list")
    target.extend(items)


def _put(machine: _Machine, number: int) -> None:
    machine.memo[number] = machine.top()


def _get(machine: _Machine, number: int) -> None:
    if number not in machine.memo:
        raise machine.format_error(f"it reads value {number} of its memo, which it never stored")
    machine.push(machine.memo[number])


INSTRUCTIONS: Mapping[bytes, Callable[[_Machine], None]] = MappingProxyType(
    {
        b"\x80": _check_protocol,
        b"N": lambda m: m.push(None),
        b"\x88": lambda m: m.push(True),
        b"\x89": lambda m: m.push(False),
        b"K": lambda m: m.push(m.number(1)),
        b"M": lambda m: m.push(m.number(2)),
        b"J": lambda m: m.push(m.number(4, signed=True)),
        b"\x8a": _push_long,
        b"G": lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
        b"X": _text,
        b")": lambda m: m.push(()),
        b"\x85": lambda m: m.push(m.pop_many(1)),
        b"\x86": lambda m: m.push(m.pop_many(2)),
        b"\x87": lambda m: m.push(m.pop_many(3)),
        b"t": lambda m: m.push(m.pop_to_mark()),
        b"]": lambda m: m.push([]),
        b"}": lambda m: m.push({}),
        b"(": lambda m: m.marks.append(len(m.stack)),
        b"a": lambda m: _append(m, m.pop_many(1)),
        b"e": lambda m: _append(m, m.pop_to_mark()),
        b"s": lambda m: _set_items(m, m.pop_many(2)),
        b"u": lambda m: _set_items(m, m.pop_to_mark()),
        b"q": lambda m: _put(m, m.number(1)),
        b"r": lambda m: _put(m, m.number(4)),
        b"h": lambda m: _get(m, m.number(1)),
        b"j": lambda m: _get(m, m.number(4)),
        b"c": _name,
        b"R": _call,
        b"b": _drop_attributes,
        b"Q": lambda m: m.push(Reference(m.pop())),
    }
)
