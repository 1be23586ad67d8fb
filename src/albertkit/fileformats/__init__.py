"""Bytes ↔ arrays and records; nothing in this room knows ALBERT.

Its face holds what is seldom needed by those who always know of it; all else is imported from its
file.
"""

from typing import TYPE_CHECKING

from albertkit.faces import face

if TYPE_CHECKING:
    from albertkit.fileformats.archives import Unpacked as Unpacked
    from albertkit.fileformats.archives import is_archive as is_archive
    from albertkit.fileformats.tensorbundle import INDEX_ENDING as INDEX_ENDING
    from albertkit.fileformats.torchzip import is_torch_zip as is_torch_zip
    from albertkit.fileformats.torchzip import read_torch as read_torch
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "archives": ("Unpacked", "is_archive"),
            "tensorbundle": ("INDEX_ENDING",),
            "torchzip": ("is_torch_zip", "read_torch"),
        },
    )
