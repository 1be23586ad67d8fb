"""Errors keep their parts when they are sent to another process."""

from __future__ import annotations

import pickle

import pytest

from albertkit.errors import AlbertKitError, FormatError, InputError, ResourceError


@pytest.mark.parametrize("kind", [InputError, FormatError, ResourceError])
def test_an_error_is_the_same_behind_a_pickle(kind: type[AlbertKitError]) -> None:
    error = kind("usage", "what", why="why", fix="fix", where="a.txt")
    sent = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
    assert type(sent) is kind
    assert sent.diagnostic == error.diagnostic
    assert str(sent) == str(error)
