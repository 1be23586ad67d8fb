"""Let a model's forward be called with the argument names of other libraries."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec, TypeVar, cast

from torch import nn

from albertkit.model.forked_child import FORK, prepare_forked_child
from albertkit.model.outputs import ModelOutput
from albertkit.spec.input_aliases import rename_arguments

LOGGER = logging.getLogger(__name__)

Self = TypeVar("Self", bound=nn.Module)
P = ParamSpec("P")
Output = TypeVar("Output", bound=ModelOutput)


def accept_input_aliases(
    forward: Callable[Concatenate[Self, P], Output],
) -> Callable[Concatenate[Self, ...], Output]:
    """Let `forward` be called with each set of names in `spec/input_aliases.py`.

    Args:
        forward: A method whose arguments have Hugging Face's names.

    Returns:
        The method, which takes `return_dict` as well. With `return_dict=False` it returns a tuple,
        which its type does not say.

    Raises:
        InputError: At a call: [unknown-argument], [argument-given-twice].
    """
    accepted = list(inspect.signature(forward).parameters)[1:]

    def call(self: Self, /, *positional: object, **named: object) -> Output:
        if FORK.is_inherited:
            prepare_forked_child(next(self.parameters()).device)
        arguments, as_tuple = parse_call(positional, named, accepted)
        output = forward(self, **arguments)  # type: ignore[call-arg,arg-type]  # names are checked
        return cast("Output", output.to_tuple()) if as_tuple else output

    # torch.compile limits the number of recompilations of one code object: each class has its own
    call.__code__ = call.__code__.replace(co_name=forward.__name__)
    return functools.wraps(forward)(call)


def parse_call(
    positional: Sequence[object], named: Mapping[str, object], accepted: Sequence[str]
) -> tuple[dict[str, object], bool]:
    """Bring a call's arguments under Hugging Face's names.

    Args:
        positional: Arguments by position.
        named: Arguments by keyword.
        accepted: Names of the callee's parameters, without `return_dict`.

    Returns:
        Name → value, and whether the caller wants a tuple.

    Raises:
        InputError: [unknown-argument], [argument-given-twice].
    """
    arguments, renamed = rename_arguments(positional, named, [*accepted, "return_dict"])
    if renamed:
        _log_renamed(tuple(renamed.items()))
    return arguments, arguments.pop("return_dict", True) is False


@functools.cache
def _log_renamed(renamed: tuple[tuple[str, str], ...]) -> None:
    """Log a set of renamed arguments once in a process."""
    LOGGER.warning("inputs renamed: %s", ", ".join(f"{old} → {new}" for old, new in renamed))
