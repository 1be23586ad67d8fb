"""The methods that transformers' tokenizers have give what they give there."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import transformers

from albertkit.errors import InputError
from albertkit.tokenization import AlbertTokenizer

from .conftest import TINY

FIRST, SECOND = [10, 11, 12], [20, 21]


@pytest.fixture(scope="module")
def peer(tiny: AlbertTokenizer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    directory = tmp_path_factory.mktemp("saved")
    tiny.save_pretrained(directory)
    return transformers.AutoTokenizer.from_pretrained(directory)


@pytest.mark.parametrize("second", [None, SECOND])
def test_special_tokens_are_put_around_ids(tiny: AlbertTokenizer, second: list[int] | None) -> None:
    row = tiny.build_inputs_with_special_tokens(FIRST, second)
    pair = [2, 10, 11, 12, 3, 20, 21, 3]
    assert row == (pair if second else pair[:5])
    types = tiny.create_token_type_ids_from_sequences(FIRST, second)
    assert types == [0] * 5 + ([1] * 3 if second else [])
    mask = tiny.get_special_tokens_mask(FIRST, second)
    assert mask == [1, 0, 0, 0, 1] + ([0, 0, 1] if second else [])
    assert tiny.get_special_tokens_mask(row, already_has_special_tokens=True) == mask


def test_properties_are_those_of_transformers(tiny: AlbertTokenizer, peer: Any) -> None:
    ours = tiny.special_tokens_map
    assert {name: ours[name] for name in peer.special_tokens_map} == dict(peer.special_tokens_map)
    assert tiny.model_input_names == peer.model_input_names
    pieces = tiny.tokenize("the model, in 10")
    assert tiny.convert_tokens_to_string(pieces) == peer.convert_tokens_to_string(pieces)


def test_the_vocabulary_alone_is_saved(tiny: AlbertTokenizer, tmp_path: Path) -> None:
    (path,) = tiny.save_vocabulary(tmp_path, filename_prefix="my")
    assert path == str(tmp_path / "my-spiece.model")
    assert Path(path).read_bytes() == TINY.read_bytes()


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "max_length", "max_length": 12},
        {"pad_to_multiple_of": 8, "return_tensors": "pt"},
        {"padding": False},
    ],
    ids=str,
)
def test_rows_are_padded_as_in_transformers(
    tiny: AlbertTokenizer, peer: Any, options: dict[str, Any], side: Any
) -> None:
    tokenizer = AlbertTokenizer(tiny.vocabulary, tiny.policy, padding_side=side)
    texts = ["the model", "a", "the input of the layer"]
    rows: list[dict[str, object]] = [{**tiny(text), "label": n} for n, text in enumerate(texts)]
    ours = tokenizer.pad(rows, **options)
    theirs = peer.pad(rows, padding_side=side, **options)
    assert {name: np.asarray(ours[name], dtype=object).tolist() for name in ours} == {
        name: np.asarray(theirs[name], dtype=object).tolist() for name in theirs
    }


def test_a_collator_pads_labels_of_floats(tiny: AlbertTokenizer) -> None:
    collate = transformers.DataCollatorWithPadding(cast(Any, tiny))
    batch = collate([{**tiny("the model"), "label": 0.5}, {**tiny("a"), "label": 1.0}])
    assert batch["labels"].dtype == torch.float32
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (2, 4)


def test_a_collator_masks_pieces_and_no_special_tokens(tiny: AlbertTokenizer) -> None:
    torch.manual_seed(0)
    collate = transformers.DataCollatorForLanguageModeling(cast(Any, tiny), mlm_probability=0.5)
    batch = collate([tiny("the model of the input " * 9), tiny("a")])
    is_masked = batch["labels"] != -100
    assert is_masked.any()
    assert not (is_masked & torch.isin(batch["labels"], torch.tensor([0, 2, 3]))).any()


# In a process of its own: a fork of one that has run other libraries' threads is never safe.
LOADER = """
import sys
from torch.utils.data import DataLoader
from albertkit import AlbertTokenizer

tokenizer = AlbertTokenizer.from_pretrained(sys.argv[1])

def collate(batch):
    return tokenizer(batch, padding=True, return_tensors="pt")

loader = DataLoader(["the model", "a"], batch_size=2, collate_fn=collate, num_workers=1)
(batch,) = list(loader)
print(tuple(batch["input_ids"].shape))
"""


def test_a_data_loader_with_a_worker_gives_batches() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADER, str(TINY)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout == "(2, 4)\n"


def test_tokenizers_and_results_can_be_copied(tiny: AlbertTokenizer) -> None:
    text = "the [MASK] model"
    for tokenizer in (copy.deepcopy(tiny), pickle.loads(pickle.dumps(tiny))):  # noqa: S301  # our own bytes
        assert tokenizer(text) == tiny(text)
    result = tiny(text)
    for other in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):  # noqa: S301
        assert other == result
        assert other.input_ids == result["input_ids"]
    with pytest.raises(InputError, match=r"has no texts any more.*\[option-invalid\]"):
        pickle.loads(pickle.dumps(result)).word_ids()  # noqa: S301


@pytest.mark.parametrize("padding", [False, "max_length"])
def test_pieces_characters_and_sequences_are_related_as_in_transformers(
    tiny: AlbertTokenizer, peer: Any, padding: bool | str
) -> None:
    firsts, seconds = ["the model (albert)", "a"], ["in 10, steps", "the input"]
    options: dict[str, Any] = {"padding": padding, "max_length": 30} if padding else {}
    ours, theirs = (each(firsts, seconds, **options) for each in (tiny, peer))
    for row in range(2):
        assert ours.tokens(row) == theirs.tokens(row)
        assert ours.sequence_ids(row) == theirs.sequence_ids(row)
        for sequence, text in enumerate((firsts[row], seconds[row])):
            for index, character in enumerate(text):
                if not character.isspace():
                    position = ours.char_to_token(row, index, sequence)
                    assert position is not None
                    start, end = ours.token_to_chars(row, position) or (0, 0)
                    assert start <= index < end
    assert ours.token_to_chars(0, 0) is None


def test_the_length_of_a_padded_row_is_that_of_the_row(tiny: AlbertTokenizer, peer: Any) -> None:
    options: dict[str, Any] = {"padding": "max_length", "max_length": 8, "return_length": True}
    assert tiny("a", **options)["length"] == peer("a", **options)["length"] == [8]


def test_pairs_of_words_may_come_as_a_list(tiny: AlbertTokenizer, peer: Any) -> None:
    pairs = [[["the", "model"], ["a"]], [["in"], ["the", "input"]]]
    ours, theirs = (each(pairs, is_split_into_words=True) for each in (tiny, peer))
    assert dict(ours) == dict(theirs)


def test_integers_of_numpy_are_lengths(tiny: AlbertTokenizer) -> None:
    five = np.array([3, 5]).max()
    assert tiny("a b c d e f", max_length=five, truncation=True) == tiny(
        "a b c d e f", max_length=5, truncation=True
    )


def test_a_path_given_to_the_class_names_the_right_method() -> None:
    with pytest.raises(InputError, match=r"from_pretrained\('spiece.model'\).*\[option-invalid\]"):
        AlbertTokenizer("spiece.model")  # type: ignore[arg-type]  # the mistake under test
