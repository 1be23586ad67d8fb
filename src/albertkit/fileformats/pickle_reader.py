"""Pickled Python objects as data: the few instructions that files of tensors consist of.

In: bytes that a stack machine would run. Out: numbers, texts, lists, tuples and dicts; where the
file names a function or a class, that name as data, and where it calls one, name and arguments.
Nothing is imported, called or made. A name that the caller does not expect, and an instruction
that such files don't need, is an error: files with code in them cannot pass.
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
    """A function or class, by name: `torch.FloatStorage`."""

    name: str


@dataclass(frozen=True, slots=True)
class Called:
    """A call that the file asks for, and that is not made."""

    what: Named
    arguments: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that lies outside of the pickled bytes; `key` says where."""

    key: Value


Value: TypeAlias = (
    "bool | int | float | str | list[Value] | tuple[Value, ...] | dict[int | str, Value]"
    " | Named | Called | Reference | None"
)


def read_pickled(reader: ByteReader, expected: Collection[str]) -> Value:
    """The one object that begins where `reader` stands, which is left behind its end.

    expected: the functions and classes that may be named, as module.name; an OrderedDict is
    always understood, and becomes a dict. Values may share parts: walk only what is needed.
    Raises FormatError [file-with-code], [file-malformed], [file-truncated].
    """
    machine = _Machine(reader, expected)
    for _ in range(MOST_INSTRUCTIONS):
        opcode = machine.take(1)
        if opcode == b".":
            return machine.pop()
        instruction = INSTRUCTIONS.get(opcode)
        if instruction is None:
            raise machine.unexpected(f"holds the instruction {opcode!r}")
        instruction(machine)
    raise machine.malformed(f"it has more than {MOST_INSTRUCTIONS:,} instructions")


class _Machine:
    """A stack with marks, and a memo: what the instructions work on."""

    def __init__(self, reader: ByteReader, expected: Collection[str]) -> None:
        self.reader = reader
        self.expected = expected
        self.stack: list[Value] = []
        self.marks: list[int] = []  # heights of the stack
        self.memo: dict[int, Value] = {}

    def take(self, count: int) -> bytes:
        return bytes(self.reader.take(count, "pickled objects"))

    def number(self, size: int, *, signed: bool = False) -> int:
        """The number in the next `size` bytes."""
        return int.from_bytes(self.take(size), "little", signed=signed)

    def push(self, value: Value) -> None:
        self.stack.append(value)

    def pop(self) -> Value:
        self._check_height(1)
        return self.stack.pop()

    def pop_many(self, count: int) -> tuple[Value, ...]:
        self._check_height(count)
        found = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        return found

    def pop_to_mark(self) -> tuple[Value, ...]:
        if not self.marks:
            raise self.malformed("it closes a list that it never opened")
        return self.pop_many(len(self.stack) - self.marks.pop())

    def top(self) -> Value:
        self._check_height(1)
        return self.stack[-1]

    def _check_height(self, count: int) -> None:
        if len(self.stack) - count < (self.marks[-1] if self.marks else 0):
            raise self.malformed("it takes a value where there is none")

    def malformed(self, what: str) -> FormatError:
        return FormatError(
            "file-malformed",
            f"near byte {self.reader.at:,} of its pickled objects: {what}",
            why="no Python writes such a file",
            fix="Download or copy it again",
            where=self.reader.name,
        )

    def unexpected(self, what: str) -> FormatError:
        return FormatError(
            "file-with-code",
            f"the file {what}",
            why="tensors and their names need none of that, and it could run code when unpickled",
            fix="Take the model's .safetensors file; where you trust this one, save its state_dict",
            where=self.reader.name,
        )


def _protocol(machine: _Machine) -> None:
    version = machine.number(1)
    if version not in PROTOCOLS:
        raise machine.unexpected(f"is pickled by protocol {version}, torch uses 2")


def _name(machine: _Machine) -> None:
    name = f"{_line(machine)}.{_line(machine)}"
    if name != ORDERED_DICT and name not in machine.expected:
        raise machine.unexpected(f"names {name}")
    machine.push(Named(name))


def _line(machine: _Machine) -> str:
    reader = machine.reader
    found = bytes(reader.data[reader.at : reader.at + LONGEST_NAME])
    length = found.find(b"\n")
    if length < 0:
        raise machine.malformed("it names something without an end")
    reader.take(length + 1)
    return found[:length].decode("utf-8", errors="backslashreplace")


def _call(machine: _Machine) -> None:
    what, arguments = machine.pop_many(2)
    if not isinstance(what, Named) or not isinstance(arguments, tuple):
        raise machine.malformed("it calls something that has no name")
    if what.name != ORDERED_DICT:
        machine.push(Called(what, arguments))
    elif arguments:
        raise machine.malformed("it fills a dict in the way of Python 2")
    else:
        machine.push({})


def _attributes(machine: _Machine) -> None:
    """A state_dict carries the versions of its modules as attributes: no part of its contents."""
    owner, _ = machine.pop_many(2)
    if not isinstance(owner, dict):
        raise machine.malformed("it gives attributes to something that is no dict")
    machine.push(owner)


def _text(machine: _Machine) -> None:
    raw = machine.take(machine.number(4))
    try:
        machine.push(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise machine.malformed("it holds a text that is no UTF-8") from error


def _long(machine: _Machine) -> None:
    machine.push(machine.number(machine.number(1), signed=True))


def _set_items(machine: _Machine, items: tuple[Value, ...]) -> None:
    owner = machine.top()
    if not isinstance(owner, dict) or len(items) % 2:
        raise machine.malformed("it sets items of something that is no dict")
    for key, value in zip(items[::2], items[1::2], strict=True):
        # only keys that compare at once: the parts of a tuple may be shared a billion times
        if not isinstance(key, int | str):
            raise machine.malformed("a dict has a key that is neither a number nor a text")
        if key in owner:
            raise machine.malformed(f"a dict has the key {key!r:.100} twice")
        owner[key] = value


def _append(machine: _Machine, items: tuple[Value, ...]) -> None:
    owner = machine.top()
    if not isinstance(owner, list):
        raise machine.malformed("it appends to something that is no list")
    owner.extend(items)


def _put(machine: _Machine, number: int) -> None:
    machine.memo[number] = machine.top()


def _get(machine: _Machine, number: int) -> None:
    if number not in machine.memo:
        raise machine.malformed(f"it takes value {number}, which it never kept")
    machine.push(machine.memo[number])


INSTRUCTIONS: Mapping[bytes, Callable[[_Machine], None]] = MappingProxyType(
    {
        b"\x80": _protocol,
        b"N": lambda m: m.push(None),
        b"\x88": lambda m: m.push(True),
        b"\x89": lambda m: m.push(False),
        b"K": lambda m: m.push(m.number(1)),
        b"M": lambda m: m.push(m.number(2)),
        b"J": lambda m: m.push(m.number(4, signed=True)),
        b"\x8a": _long,
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
        b"b": _attributes,
        b"Q": lambda m: m.push(Reference(m.pop())),
    }
)
