"""What a command imports is not searched for garbage; what it makes later is."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from albertkit.cli.gc_paused import lasting


class Ring:
    """Refers to itself, so that only a search finds it to be garbage."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def searched_again() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_is_made_inside_is_not_looked_through() -> None:
    with lasting():
        inside = Ring()
    assert not any(each is inside for each in gc.get_objects())


def test_what_comes_later_is() -> None:
    with lasting():
        pass
    seen = weakref.ref(Ring())
    gc.collect()
    assert gc.isenabled()
    assert seen() is None


def test_a_failed_import_leaves_the_search_on() -> None:
    with pytest.raises(ImportError), lasting():
        raise ImportError
    assert gc.isenabled()
