"""Checks of arguments that public functions share: choices, whole numbers, names of keywords.

A misspelt keyword is refused by its name, with the nearest keyword that exists.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, SupportsFloat, SupportsIndex, TypeVar

from albertkit.errors.exceptions import InputError, find_nearest_name


def describe_value(value: object) -> str:
    """A value as messages show it: its type, and itself if it is short."""
    text = repr(value)
    kind = type(value).__name__
    return "None" if value is None else f"{text} ({kind})" if len(text) <= 40 else f"a {kind}"


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Refuse a value that is not among the choices.

    Raises:
        InputError: [option-invalid].
    """
    if isinstance(value, str) and value in choices:
        return
    if not any(
        value is choice or (type(value) is type(choice) and value == choice) for choice in choices
    ):
        raise InputError(
            "option-invalid",
            f"{name} is {describe_value(value)}",
            why=f"it can be {', '.join(map(repr, choices))}",
            fix="Choose one of them",
        )


def check_integer(name: str, value: object, *, minimum: int = 1, maximum: int | None = None) -> int:
    """A whole number as Python's int; integers of numpy and of other libraries are read too.

    Raises:
        InputError: [option-invalid] for other types and for numbers out of the range.
    """
    number = None
    # int first: to look for the protocol takes 13 µs, and each call of a model checks two numbers
    if isinstance(value, int | SupportsIndex) and not isinstance(value, bool):
        try:
            number = operator.index(value)
        except TypeError:  # an array of several numbers has the method too
            number = None
    if number is None or number < minimum or (maximum is not None and number > maximum):
        most = "" if maximum is None else f" and at most {maximum:,}"
        raise InputError(
            "option-invalid",
            f"{name} is {value!r}",
            why=f"it must be a whole number of at least {minimum}{most}",
            fix=f"Give a number from {minimum} to {maximum:,}"
            if most
            else f"Give {minimum} or more",
        )
    return number


def check_cosine(name: str, value: float) -> float:
    """A cosine: a number from -1 to 1.

    Raises:
        InputError: [option-invalid] for other numbers and for NaN.
    """
    if not (isinstance(value, SupportsFloat) and -1 <= value <= 1):  # NaN is not in any range
        raise InputError(
            "option-invalid",
            f"{name} is {value!r}",
            why="it is compared with cosines, which are from -1 to 1",
            fix="Give a number from -1 to 1, such as 0.9",
        )
    return value


MISSPELT = 0.8  # the least similarity: `topk` is top_k, and `from_tf` is not problem_type
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def check_keywords(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function raise InputError [unknown-keyword] for a misspelt keyword, not TypeError."""
    own_name = function.__name__
    read_keywords = functools.cache(lambda: _list_keywords(function))  # at the first call only

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        keywords = read_keywords() if kwargs else []
        unknown = [name for name in kwargs if name not in keywords]
        if unknown:
            # as the caller wrote it: the name of a class, which may inherit this, or of a function
            name = type(args[0]).__name__ if own_name in ("__init__", "__call__") else own_name
            refuse_unknown(unknown, keywords, name)
        return function(*args, **kwargs)

    return call


def _list_keywords(function: Callable[P, R]) -> list[str]:
    """The keywords of a function; of `**options: Unpack[…]` the keys of the TypedDict."""
    names = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in NAMED and parameter.name not in ("self", "cls"):
            names.append(parameter.name)
        elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
            # only this annotation: others may name types that are imported for type checkers alone
            type_name = parameter.annotation.removeprefix("Unpack[").removesuffix("]")
            names += function.__globals__[type_name].__annotations__
    return names


def check_fields(cls: type[T]) -> type[T]:
    """The same for a dataclass: a misspelt field raises InputError [unknown-keyword]."""
    cls.__init__ = check_keywords(cls.__init__)  # type: ignore[method-assign]  # of the class itself
    return cls


def refuse_unknown(
    unknown: Iterable[str], known: Iterable[str], what: str, noun: str = "keyword"
) -> None:
    """Refuse the first unknown keyword; say what to write, or name the keyword that it misspells.

    Args:
        unknown: keywords that were given.
        known: keywords that exist.
        what: the class or function that was called.
        noun: what is unknown.

    Raises:
        InputError: [unknown-keyword].
    """
    for name in unknown:
        from albertkit.errors.other_libraries import ANSWERS  # only if there is an error to report

        names = sorted(known)
        why, fix = ANSWERS.get(name, ("", ""))
        if why:
            raise InputError("unknown-keyword", f"{what} has no {noun} {name!r}", why=why, fix=fix)
        near = find_nearest_name(name, names, cutoff=MISSPELT)
        raise InputError(
            "unknown-keyword",
            f"{what} has no {noun} {name!r}",
            why=f"the nearest is {near!r}" if near else f"it takes {', '.join(names)}",
            fix="Correct it" if near else "Leave it out",
        )
