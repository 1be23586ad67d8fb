"""The names in use for a model's inputs: six sets of names, and mixtures of them.

Input: what a caller gave, by position, in a dict, a list or by keyword. Output: the same values
under Hugging Face's names. Nothing is dropped: an unknown name is refused.

1  Hugging Face          input_ids, attention_mask, token_type_ids
2  TF Hub v2, v3         input_word_ids, input_mask, input_type_ids, in one dict
3  TF Hub v1             a list: ids, mask, types
4  google's TF1 modules  input_ids, input_mask, segment_ids
5  articles on TF Hub    input_word_ids, input_mask, segment_ids
6  Keras Hub             token_ids, padding_mask, segment_ids
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from albertkit.errors import InputError
from albertkit.errors.exceptions import find_nearest_name

IDS, MASK, TYPES, MASKED = "input_ids", "attention_mask", "token_type_ids", "masked_lm_positions"
SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("input_word_ids", "token_ids", "word_ids", "ids"), IDS),
        **dict.fromkeys(("input_mask", "padding_mask", "mask"), MASK),
        **dict.fromkeys(("input_type_ids", "segment_ids", "type_ids"), TYPES),
        **dict.fromkeys(("mlm_positions", "mask_positions"), MASKED),
    }
)
WHOLE = "inputs"  # the argument of TF Hub's callables, a dict or list of all inputs
LISTED = (IDS, MASK, TYPES)  # the order in a list


def rename_arguments(
    given: Sequence[object], named: Mapping[str, object], accepted: Sequence[str]
) -> tuple[dict[str, object], dict[str, str]]:
    """Rename a call's arguments to Hugging Face's names.

    Args:
        given: by position.
        named: by keyword.
        accepted: the names that the callee has, in its order.

    Returns:
        name → value, and the names that were changed, given → Hugging Face's.

    Raises:
        InputError: [unknown-argument], [argument-given-twice].
    """
    named = dict(named)
    if not given and WHOLE in named:
        given = (named.pop(WHOLE),)
    pairs = [*_name_by_position(given, accepted), *named.items()]
    values: dict[str, object] = {}
    renamed: dict[str, str] = {}
    for theirs, value in pairs:
        ours = SYNONYMS.get(theirs, theirs)
        if ours not in accepted:
            raise _unknown_argument_error(theirs, accepted)
        if value is None:
            continue
        if ours in values:
            raise InputError(
                "argument-given-twice",
                f"{ours} is given twice, the second time as {theirs}",
                why="only one of them can be meant",
                fix="Leave one out",
            )
        values[ours] = value
        if ours != theirs:
            renamed[theirs] = ours
    return values, renamed


def _name_by_position(given: Sequence[object], accepted: Sequence[str]) -> list[tuple[str, object]]:
    if len(given) > len(accepted):
        raise InputError(
            "unknown-argument",
            f"{len(given)} inputs are given by position",
            why=f"there are {len(accepted)}: {', '.join(accepted)}",
            fix="Give inputs by name",
        )
    first = given[0] if given else None
    if isinstance(first, Mapping):
        return [*first.items(), *zip(accepted[1:], given[1:], strict=False)]
    if isinstance(first, list | tuple) and first and all(map(_is_array, first)):
        return [*zip(LISTED, first, strict=False), *_name_after_list(first, given, accepted)]
    return list(zip(accepted, given, strict=False))


def _name_after_list(
    listed: Sequence[object], given: Sequence[object], accepted: Sequence[str]
) -> list[tuple[str, object]]:
    if len(listed) > len(LISTED):
        raise InputError(
            "unknown-argument",
            f"a list of {len(listed)} arrays is given",
            why=f"a list holds {', '.join(LISTED)}",
            fix="Give inputs by name",
        )
    return list(zip(accepted[1:], given[1:], strict=False))


def _is_array(value: object) -> bool:
    """Whether this is an array of at least two axes, of any library."""
    return len(getattr(value, "shape", ())) >= 2


def _unknown_argument_error(name: str, accepted: Sequence[str]) -> InputError:
    known = [*accepted, *(theirs for theirs, ours in SYNONYMS.items() if ours in accepted)]
    near = find_nearest_name(name, known)
    return InputError(
        "unknown-argument",
        f"there is no argument {name!r}",
        why=f"the nearest is {near!r}" if near else f"known are {', '.join(accepted)}",
        fix="Correct the name, or leave it out",
    )
