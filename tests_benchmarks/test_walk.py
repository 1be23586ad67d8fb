"""One text passes through few functions and files of ours."""

from __future__ import annotations

from tests.support.native import needs_native

import walk


@needs_native
def test_one_text_passes_through_20_files_and_250_calls_at_most() -> None:
    files, _ = walk.count_encode()
    assert len(files) <= 20
    assert files.total() <= 250
