"""The five special pieces, by name and id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from albertkit.errors import FormatError


@dataclass(frozen=True, slots=True)
class SpecialNames:
    """What a vocabulary calls its special pieces."""

    pad: str = "<pad>"
    unk: str = "<unk>"
    cls: str = "[CLS]"
    sep: str = "[SEP]"
    mask: str = "[MASK]"

    def all(self) -> tuple[str, ...]:
        """The five names in the order of the fields."""
        return (self.pad, self.unk, self.cls, self.sep, self.mask)


BERT_NAMES = SpecialNames(pad="[PAD]", unk="[UNK]")


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """The ids of the special pieces."""

    pad: int
    unk: int
    cls: int
    sep: int
    mask: int

    def all(self) -> tuple[int, ...]:
        """The five ids in the order of the fields."""
        return (self.pad, self.unk, self.cls, self.sep, self.mask)


def find_specials(names: SpecialNames, ids: Mapping[str, int], where: str) -> SpecialIds:
    """The ids of the special pieces; FormatError where the vocabulary lacks one."""
    for field in fields(names):
        name = getattr(names, field.name)
        if name not in ids:
            raise FormatError(
                "special-piece-missing",
                f"the vocabulary has no piece {name!r} ({field.name})",
                why="an ALBERT model reads and writes that piece",
                fix="Give the vocabulary that belongs to the model",
                where=where,
            )
    return SpecialIds(*(ids[name] for name in names.all()))
