"""Names of inputs: the six dialects, their mixtures, and what no dialect knows."""

from __future__ import annotations

import numpy as np
import pytest

from albertkit.errors import InputError
from albertkit.spec.input_aliases import SYNONYMS, rename_arguments

ACCEPTED = ("input_ids", "attention_mask", "token_type_ids", "labels")


@pytest.mark.parametrize("theirs", [name for name, ours in SYNONYMS.items() if ours in ACCEPTED])
def test_every_alias_is_renamed_to_the_one_name(theirs: str) -> None:
    values, renamed = rename_arguments([], {theirs: 7}, ACCEPTED)
    assert values == {SYNONYMS[theirs]: 7}
    assert renamed == {theirs: SYNONYMS[theirs]}


def test_positions_have_hugging_faces_order() -> None:
    values, renamed = rename_arguments([1, 2, 3], {}, ACCEPTED)
    assert values == {"input_ids": 1, "attention_mask": 2, "token_type_ids": 3}
    assert renamed == {}


def test_a_dict_may_be_followed_by_keywords() -> None:
    values, _ = rename_arguments([{"token_ids": 1}], {"labels": 4}, ACCEPTED)
    assert values == {"input_ids": 1, "labels": 4}


def test_a_list_of_arrays_is_ids_mask_types() -> None:
    arrays = [np.full((1, 2), number) for number in range(3)]
    values, _ = rename_arguments([arrays], {}, ACCEPTED)
    assert [values[name] is array for name, array in zip(ACCEPTED, arrays, strict=False)] == [
        True,
        True,
        True,
    ]


def test_a_list_of_lists_is_ids() -> None:
    values, _ = rename_arguments([[[2, 5, 3]]], {}, ACCEPTED)
    assert values == {"input_ids": [[2, 5, 3]]}


def test_none_is_as_if_not_given() -> None:
    values, renamed = rename_arguments([], {"input_ids": 1, "token_ids": None}, ACCEPTED)
    assert values == {"input_ids": 1}
    assert renamed == {}


def test_one_input_under_two_names_is_refused() -> None:
    with pytest.raises(InputError, match=r"as segment_ids.*\[argument-given-twice\]"):
        rename_arguments([], {"token_type_ids": 1, "segment_ids": 2}, ACCEPTED)


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"'segment_id'.*'segment_ids'.*\[unknown-argument\]"):
        rename_arguments([], {"segment_id": 1}, ACCEPTED)
    with pytest.raises(InputError, match=r"known are input_ids.*\[unknown-argument\]"):
        rename_arguments([], {"xyz": 1}, ACCEPTED)


def test_a_synonym_of_what_the_callee_lacks_is_unknown() -> None:
    with pytest.raises(InputError, match=r"\[unknown-argument\]"):
        rename_arguments([], {"mask_positions": 1}, ACCEPTED)
