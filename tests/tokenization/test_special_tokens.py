"""What a literal [MASK] or [CLS] does under each rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.policy import REFERENCE

MASK = "[MASK]"


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (MASK, [MASK]),
        ("the [MASK].", ["▁the", MASK, "."]),
        ("the [MASK] .", ["▁the", MASK, "▁", "."]),
        ("the[MASK]the", ["▁the", MASK, "th", "e"]),
        ("([MASK])", ["▁", "(", MASK, ")"]),
        ("[MASK][MASK] [MASK]", [MASK, MASK, MASK]),
        ("[MASK]\n the", [MASK, "▁the"]),
    ],
)
def test_an_exact_mask_stands_for_a_piece(
    tiny: AlbertTokenizer, text: str, pieces: list[str]
) -> None:
    result = tiny.tokenize(text)
    assert "".join(result) == "".join(pieces)
    assert [x for x in result if x.startswith("▁")] == [x for x in pieces if x.startswith("▁")]


def test_an_exact_mask_leaves_the_other_pieces_as_they_were(tiny: AlbertTokenizer) -> None:
    whole = tiny.tokenize("the model, albert (and) the input.")
    hidden = whole.index("▁albert")
    masked = tiny.tokenize("the model, [MASK] (and) the input.")
    assert masked == [*whole[:hidden], MASK, *whole[hidden + 1 :]]


def test_a_spaced_mask_begins_a_new_text(tiny_huggingface: AlbertTokenizer) -> None:
    assert tiny_huggingface.tokenize("the[MASK].") == ["▁the", MASK, "▁", "."]


def test_other_specials_are_text_in_the_reference(tiny: AlbertTokenizer) -> None:
    ids = tiny.encode_batch(["[CLS] <pad> [SEP]"]).ids[1:-1]
    assert not {0, 2, 3} & set(ids.tolist())


def test_all_specials_count_in_huggingface(tiny_huggingface: AlbertTokenizer) -> None:
    result = tiny_huggingface.encode_batch(["[CLS]the[SEP]<pad><unk>[MASK]"]).ids[1:-1].tolist()
    assert [x for x in result if x < 5] == [2, 3, 0, 1, 4]


def test_a_lower_case_mask_is_text(tiny: AlbertTokenizer) -> None:
    assert tiny.mask_token_id not in tiny.encode_batch(["[mask] <mask>"]).ids


def test_under_the_text_rule_nothing_is_special(tiny: AlbertTokenizer) -> None:
    plain = AlbertTokenizer(tiny.vocabulary, replace(REFERENCE, mask_rule="text"))
    assert plain.mask_token_id not in plain.encode_batch(["a [MASK]"]).ids
