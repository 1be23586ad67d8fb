"""The door of the models' forward: other dialects' names are taken, unknown ones refused.

What was renamed is logged once for each set of names.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from albertkit.model.outputs import ModelOutput, OutputValue
from albertkit.spec.input_aliases import canonical_arguments

LOGGER = logging.getLogger(__name__)

Self = TypeVar("Self")
P = ParamSpec("P")
OutputOrTuple = ModelOutput | tuple[OutputValue, ...]


def accept_input_aliases(
    forward: Callable[Concatenate[Self, P], ModelOutput],
) -> Callable[Concatenate[Self, ...], OutputOrTuple]:
    """Let `forward` be called in each of the six dialects of `spec/input_aliases.py`.

    Also `return_dict=False`, which returns the tuple form.
    Raises InputError [unknown-argument], [argument-given-twice].
    """
    signature = inspect.signature(forward)
    accepted = list(signature.parameters)[1:]

    @functools.wraps(forward)
    def called(self: Self, /, *given: object, **named: object) -> OutputOrTuple:
        values, as_tuple = parse_call(given, named, accepted)
        output = forward(self, **values)  # type: ignore[call-arg,arg-type]  # checked
        return output.to_tuple() if as_tuple else output

    return called


def parse_call(
    given: Sequence[object], named: Mapping[str, object], accepted: Sequence[str]
) -> tuple[dict[str, object], bool]:
    """A call's arguments under Hugging Face's names, and whether it wants a tuple.

    accepted: the names that the callee has; all have `return_dict` besides.
    Raises InputError [unknown-argument], [argument-given-twice].
    """
    values, renamed = canonical_arguments(given, named, [*accepted, "return_dict"])
    if renamed:
        _say_renamed(tuple(renamed.items()))
    return values, values.pop("return_dict", True) is False


@functools.cache
def _say_renamed(renamed: tuple[tuple[str, str], ...]) -> None:
    LOGGER.warning("inputs renamed: %s", ", ".join(f"{old} → {new}" for old, new in renamed))
