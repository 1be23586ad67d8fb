"""Windows overlap by the stride and lose nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albertkit.errors import InputError
from albertkit.tokenization.flat import FlatPieces, starts_of
from albertkit.tokenization.windows import cut_windows


@given(
    lengths=st.lists(st.integers(0, 30), min_size=1, max_size=5),
    room=st.integers(1, 12),
    data=st.data(),
)
def test_windows_are_the_slow_ones(lengths: list[int], room: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(0, room - 1))
    pieces = FlatPieces(np.arange(sum(lengths), dtype=np.int32), starts_of(lengths))
    windows, segment_ids = cut_windows(pieces, np.full(len(lengths), room), stride)
    found = [
        (int(owner), windows.ids[begin:end].tolist())
        for owner, begin, end in zip(
            segment_ids, windows.offsets[:-1], windows.offsets[1:], strict=True
        )
    ]
    expected = []
    for number, length in enumerate(lengths):
        text = pieces.ids[pieces.offsets[number] :][:length].tolist()
        begin = 0
        while True:
            expected.append((number, text[begin : begin + room]))
            if begin + room >= length:
                break
            begin += room - stride
    assert found == expected


def test_a_stride_that_never_moves_on_is_refused() -> None:
    pieces = FlatPieces(np.arange(9, dtype=np.int32), starts_of([9]))
    with pytest.raises(InputError, match=r"stride is 4; a window has room for 4.*stride-too-large"):
        cut_windows(pieces, np.array([4]), 4)
