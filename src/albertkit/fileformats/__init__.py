"""Bytes ↔ arrays and records; this package knows nothing about ALBERT.

Its lazy names are those that few processes need; everything else is imported from its module.
"""

from typing import TYPE_CHECKING

from albertkit.lazy_exports import attach

if TYPE_CHECKING:
    from albertkit.fileformats.archives.extraction import ExtractedArchive as ExtractedArchive
    from albertkit.fileformats.archives.extraction import is_archive as is_archive
    from albertkit.fileformats.sharded_tensors import read_shards as read_shards
    from albertkit.fileformats.tensorflow.tensor_bundle import INDEX_SUFFIX as INDEX_SUFFIX
    from albertkit.fileformats.torch_zip import is_torch_zip as is_torch_zip
    from albertkit.fileformats.torch_zip import read_torch as read_torch
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "archives.extraction": ("ExtractedArchive", "is_archive"),
            "sharded_tensors": ("read_shards",),
            "tensorflow.tensor_bundle": ("INDEX_SUFFIX",),
            "torch_zip": ("is_torch_zip", "read_torch"),
        },
    )
