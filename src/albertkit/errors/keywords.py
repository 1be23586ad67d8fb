"""Keywords that a call doesn't have: refused by name, with the nearest that it has."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from albertkit.errors.exceptions import InputError
from albertkit.errors.wording import nearest_name

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def knows_its_keywords(function: Callable[P, R]) -> Callable[P, R]:
    """Let a misspelt keyword of `function` raise InputError [unknown-keyword], no TypeError."""
    own = function.__name__
    known = functools.cache(lambda: _keywords(function))  # asked at the first call, not at import

    @functools.wraps(function)
    def called(*given: P.args, **named: P.kwargs) -> R:
        names = known() if named else []
        unknown = [name for name in named if name not in names]
        if unknown:
            # as the caller wrote it: a class, which may inherit this, or a function
            what = type(given[0]).__name__ if own in ("__init__", "__call__") else own
            refuse_unknown(unknown, names, what)
        return function(*given, **named)

    return called


def _keywords(function: Callable[P, R]) -> list[str]:
    """Their names; also those of a TypedDict, where `function` takes `**these: Unpack[…]`."""
    names = []
    for each in inspect.signature(function).parameters.values():
        if each.kind in NAMED and each.name not in ("self", "cls"):
            names.append(each.name)
        elif each.kind is inspect.Parameter.VAR_KEYWORD:
            # only this annotation: others may name types that are imported for checkers alone
            kind = each.annotation.removeprefix("Unpack[").removesuffix("]")
            names += function.__globals__[kind].__annotations__
    return names


def knows_its_fields(kind: type[T]) -> type[T]:
    """The same for what makes a dataclass: a misspelt field, which would be a TypeError."""
    kind.__init__ = knows_its_keywords(kind.__init__)  # type: ignore[method-assign]  # a class, not an object of it
    return kind


def refuse_unknown(unknown: Iterable[str], known: Iterable[str], what: str) -> None:
    """InputError for the first keyword that is not known, naming the nearest that is."""
    for name in unknown:
        names = sorted(known)
        near = nearest_name(name, names, cutoff=0.5)
        raise InputError(
            "unknown-keyword",
            f"{what} has no keyword {name!r}",
            why=f"the nearest is {near!r}" if near else f"it takes {', '.join(names)}",
            fix="Correct it" if near else "Leave it out",
        )
