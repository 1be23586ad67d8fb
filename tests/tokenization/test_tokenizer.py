"""The public face: Hugging Face's forms of call, with the differences that are meant."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albertkit.errors import InputError
from albertkit.tokenization import AlbertTokenizer

from .conftest import TINY

TEXTS = [
    "the model (albert) is trained, in 10, steps",
    "a",
    "",
    "Café  input: the [MASK] model\tand the output of the layer.",
]
OTHERS = ["the input", "is a model of the model, in the layer and the layer", "x", "albert"]


@pytest.fixture(scope="module")
def peer(tiny: AlbertTokenizer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """transformers' own class on the files that we save."""
    import transformers

    path = tmp_path_factory.mktemp("saved")
    tiny.save_pretrained(path)
    return transformers.AutoTokenizer.from_pretrained(path)


def plain(value: Any) -> Any:
    """Arrays, tensors and tuples as lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return [plain(x) for x in value] if isinstance(value, list | tuple) else value


SINGLE_CALLS: list[dict[str, object]] = [
    {},
    {"padding": True},
    {"padding": "max_length", "max_length": 40},
    {"padding": True, "pad_to_multiple_of": 8},
    {"truncation": True, "max_length": 7},
    {"truncation": True, "max_length": 9, "padding": "max_length"},
    {"truncation": True, "max_length": 8, "stride": 2, "return_overflowing_tokens": True},
    {"return_special_tokens_mask": True, "return_length": True},
    {"add_special_tokens": False},
    {"add_special_tokens": False, "truncation": True, "max_length": 5, "padding": True},
    {"padding": True, "return_tensors": "np", "return_attention_mask": False},
    {"padding": True, "return_tensors": "pt"},
    {"padding": "do_not_pad", "truncation": "do_not_truncate", "return_token_type_ids": False},
]


@pytest.mark.parametrize("options", SINGLE_CALLS, ids=str)
def test_single_texts_come_as_transformers_gives_them(
    tiny: AlbertTokenizer, peer: Any, options: dict[str, Any]
) -> None:
    assert_same(tiny(TEXTS, **options), peer(TEXTS, **options))


PAIR_CALLS: list[dict[str, object]] = [
    {},
    {"padding": True, "return_special_tokens_mask": True},
    {"truncation": "only_second", "max_length": 24, "padding": True},
    {
        "truncation": "only_second",
        "max_length": 24,
        "stride": 1,
        "return_overflowing_tokens": True,
    },
    {"truncation": True, "max_length": 15},
]


@pytest.mark.parametrize("options", PAIR_CALLS, ids=str)
def test_pairs_come_as_transformers_gives_them(
    tiny: AlbertTokenizer, peer: Any, options: dict[str, Any]
) -> None:
    firsts, seconds = [TEXTS[0], TEXTS[1]], [OTHERS[1], OTHERS[0]]
    assert_same(tiny(firsts, seconds, **options), peer(firsts, seconds, **options))
    rows = [list(pair) for pair in zip(firsts, seconds, strict=True)]
    assert tiny(rows, **options) == tiny(firsts, seconds, **options)


@pytest.mark.parametrize("text", TEXTS)
def test_one_text_comes_as_transformers_gives_it(
    tiny: AlbertTokenizer, peer: Any, text: str
) -> None:
    assert_same(tiny(text), peer(text))
    assert_same(tiny(text, return_tensors="np"), peer(text, return_tensors="np"))
    assert tiny.encode(text) == peer.encode(text)


def test_words_given_split_come_as_transformers_gives_them(
    tiny: AlbertTokenizer, peer: Any
) -> None:
    rows = [["The", "albert", "transformers"], ["model", "", "layer"]]
    ours, theirs = (each(rows, is_split_into_words=True) for each in (tiny, peer))
    assert_same(ours, theirs)
    assert [ours.word_ids(row) for row in range(2)] == [theirs.word_ids(row) for row in range(2)]
    assert tiny(rows[0], is_split_into_words=True)["input_ids"] == ours["input_ids"][0]  # type: ignore[index]


def test_slices_are_those_of_transformers_without_their_spaces(
    tiny: AlbertTokenizer, peer: Any
) -> None:
    """A lone ▁ has an empty slice here; there it has the space, or the letter after it."""
    for text in TEXTS:
        results: list[Any] = [each(text, return_offsets_mapping=True) for each in (tiny, peer)]
        slices = [
            [
                text[begin:end].strip()
                for piece, (begin, end) in zip(
                    tiny.convert_ids_to_tokens(result["input_ids"]),
                    result["offset_mapping"],
                    strict=True,
                )
                if piece != "▁"
            ]
            for result in results
        ]
        assert slices[0] == slices[1]


def test_offsets_are_pairs_with_and_without_padding(tiny: AlbertTokenizer, peer: Any) -> None:
    for padding in (False, True):
        for each in (tiny, peer):
            rows: Any = each(TEXTS, padding=padding, return_offsets_mapping=True)["offset_mapping"]
            assert {type(pair) for row in rows for pair in row} == {tuple}


def test_tensors_are_moved_and_lists_stay(tiny: AlbertTokenizer) -> None:
    moved = tiny(TEXTS[0], return_tensors="pt").to("meta")
    assert {value.device.type for value in moved.values()} == {"meta"}  # type: ignore[attr-defined]
    assert moved.word_ids() == tiny(TEXTS[0]).word_ids()
    assert tiny(TEXTS[0]).to("meta") == tiny(TEXTS[0])


def test_special_tokens_are_those_of_transformers(tiny: AlbertTokenizer, peer: Any) -> None:
    names = ("pad", "unk", "cls", "sep", "mask")
    for name in [f"{each}_token{end}" for each in names for end in ("", "_id")]:
        assert getattr(tiny, name) == getattr(peer, name), name
    assert sorted(tiny.all_special_tokens) == sorted(peer.all_special_tokens)
    assert sorted(tiny.all_special_ids) == sorted(peer.all_special_ids)
    for pair in (False, True):
        assert tiny.num_special_tokens_to_add(pair) == peer.num_special_tokens_to_add(pair)


def assert_same(ours: Mapping[str, object], theirs: Mapping[str, object]) -> None:
    assert {name: plain(ours[name]) for name in ours} == {
        name: plain(theirs[name]) for name in theirs
    }
    assert type(ours["input_ids"]) is type(theirs["input_ids"])


def test_type_ids_always_come(tiny: AlbertTokenizer) -> None:
    assert tiny("the", "model")["token_type_ids"] == [0, 0, 0, 1, 1]


def test_word_ids_count_the_words_between_whitespace(tiny: AlbertTokenizer) -> None:
    result = tiny(["a (b)  transformers", "x"], padding=True)
    pieces = tiny.convert_ids_to_tokens(result["input_ids"][0])  # type: ignore[index]
    words = result.word_ids(0)
    assert len(words) == len(pieces)
    assert words[0] is None
    assert words[1] == 0
    assert {word for piece, word in zip(pieces, words, strict=True) if piece in "()"} == {1}
    assert words[-2] == 2
    assert result.word_ids(1)[-1] is None  # padding


def test_longest_first_takes_the_odd_piece_from_the_second(tiny: AlbertTokenizer) -> None:
    result = tiny("a a a a a", "a a a a a", truncation=True, max_length=8)
    assert result["token_type_ids"] == [0] * 5 + [1] * 3  # 3 and 2, as google cuts


def test_round_robin_leaves_as_much_of_each_text(tiny: AlbertTokenizer) -> None:
    long = "the model and the input " * 4
    cut = tiny(long, long, truncation="round_robin", max_length=10)
    assert cut["token_type_ids"] == [0] * 6 + [1] * 4  # [CLS], four and [SEP]; three and [SEP]
    assert cut == tiny(long, long, truncation="longest_first", max_length=10)


def test_max_length_alone_cuts_and_warns(
    tiny: AlbertTokenizer, caplog: pytest.LogCaptureFixture
) -> None:
    assert len(tiny(TEXTS[0], max_length=5)["input_ids"]) == 5  # type: ignore[arg-type]
    assert "1 of 1 texts were cut to max_length 5" in caplog.text


def test_truncation_alone_cuts_to_what_the_model_has(tiny: AlbertTokenizer) -> None:
    assert tiny.model_max_length == 512
    assert len(tiny("a " * 700, truncation=True)["input_ids"]) == 512  # type: ignore[arg-type]


def test_decode_leaves_specials_out_on_request(tiny: AlbertTokenizer) -> None:
    ids = [2, *tiny.convert_tokens_to_ids(["▁the", "▁model", ","]), 4, 3, 0]
    assert tiny.decode(ids) == "[CLS] the model,[MASK][SEP]<pad>"
    assert tiny.decode(np.array(ids), skip_special_tokens=True) == "the model,"


def test_decode_gives_back_what_normalizing_left(tiny: AlbertTokenizer, peer: Any) -> None:
    for text in TEXTS:
        ids = tiny(text)["input_ids"]
        assert tiny.decode(ids) == peer.decode(ids)  # type: ignore[arg-type]
    assert tiny.batch_decode(tiny(TEXTS)["input_ids"]) == peer.batch_decode(  # type: ignore[arg-type]
        peer(TEXTS)["input_ids"]
    )


def test_pieces_and_ids_are_each_others_inverse(tiny: AlbertTokenizer) -> None:
    vocabulary = tiny.get_vocab()
    assert len(vocabulary) == tiny.vocab_size == len(tiny) == 1000
    names = tiny.convert_ids_to_tokens(range(1000))
    assert tiny.convert_tokens_to_ids(names) == list(range(1000))
    assert tiny.convert_tokens_to_ids("no such piece") == tiny.unk_token_id == 1
    assert tiny.convert_ids_to_tokens(4) == tiny.mask_token == "[MASK]"
    assert tiny.all_special_ids == [0, 1, 2, 3, 4]
    assert (tiny.pad_token_id, tiny.cls_token_id, tiny.sep_token_id) == (0, 2, 3)


def test_the_fingerprint_knows_the_pieces_and_not_the_place(
    tiny: AlbertTokenizer, tiny_words: AlbertTokenizer, tmp_path: Path
) -> None:
    tiny.save_pretrained(tmp_path)
    assert AlbertTokenizer.from_pretrained(tmp_path).fingerprint == tiny.fingerprint
    assert tiny_words.fingerprint != tiny.fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trunctation": True}, r"'trunctation'; the nearest is 'truncation'.*\[unknown-keyword\]"),
        ({"padding": "longst"}, r"padding is 'longst'.*\[option-invalid\]"),
        ({"truncation": 1}, r"truncation is 1 .*\[option-invalid\]"),
        ({"return_tensors": "tf"}, r"return_tensors is 'tf'.*\[option-invalid\]"),
        ({"max_length": 0}, r"max_length is 0.*\[option-invalid\]"),
        ({"max_length": 1, "truncation": True}, r"max_length is 1.*\[max-length-too-small\]"),
        ({"truncation": "only_second"}, r"no second text.*\[option-invalid\]"),
        (
            {"truncation": True, "max_length": 4, "stride": 2, "return_overflowing_tokens": True},
            r"stride is 2.*\[stride-too-large\]",
        ),
        ({"return_tensors": "np"}, r"several lengths.*\[rows-unequal\]"),
    ],
)
def test_options_that_cannot_be_are_refused(
    tiny: AlbertTokenizer, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        tiny(["the model of the model", "the"], **options)


def test_windows_of_pairs_need_to_know_which_text_moves(tiny: AlbertTokenizer) -> None:
    with pytest.raises(InputError, match=r"which text to cut.*\[option-invalid\]"):
        tiny("a", "b", truncation=True, max_length=8, return_overflowing_tokens=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, r"text is None; .*\[text-not-a-string\]"),
        (7, r"text is 7 \(int\).*\[text-not-a-string\]"),
        (b"bytes", r"text is b'bytes' \(bytes\).*\[text-not-a-string\]"),
        (["the", None], r"texts\[1\] is None.*\[text-not-a-string\]"),
        ([1.5], r"texts\[0\] is 1\.5 \(float\).*\[text-not-a-string\]"),
        ({"text": "a"}, r"text is \{.*\[text-not-a-string\]"),
        (["fine", "half \ud83d"], r"texts\[1\] has the lone surrogate U\+D83D at 5.*\[lone-surr"),
    ],
)
def test_what_is_no_text_is_refused(tiny: AlbertTokenizer, given: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tiny(given)


def test_pairs_must_be_as_many(tiny: AlbertTokenizer) -> None:
    for call in (tiny, tiny.encode_batch):
        with pytest.raises(InputError, match=r"2 first texts and 1 second.*\[pairs-unequal\]"):
            call(["a", "b"], ["c"])


def test_ids_outside_the_vocabulary_are_refused(tiny: AlbertTokenizer) -> None:
    with pytest.raises(InputError, match=r"ids\[1\] is 1000.*0 to 999.*\[id-out-of-range\]"):
        tiny.decode([5, 1000])
    with pytest.raises(InputError, match=r"ids\[0\] is \[5\].*\[option-invalid\]"):
        tiny.decode([[5]])  # type: ignore[list-item]


def test_a_misspelt_keyword_of_any_call_names_the_nearest(
    tiny: AlbertTokenizer, tmp_path: Path
) -> None:
    near = "the nearest is 'skip_special_tokens'"
    for call, message in (
        (lambda: tiny.decode([5], skip_specials=True), near),  # type: ignore[call-arg]
        (lambda: tiny.batch_decode([[5]], skip_specials=True), near),  # type: ignore[call-arg]
        (lambda: tiny.tokenize("a", add_specials=True), "'add_special_tokens'"),  # type: ignore[call-arg]
        (lambda: tiny.save_pretrained(tmp_path, legacy=True), "it takes directory"),  # type: ignore[call-arg]
    ):
        with pytest.raises(InputError, match=rf"{message}.*\[unknown-keyword\]"):
            call()


def test_a_keyword_of_from_pretrained_is_not_swallowed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no keyword 'polcy'; the nearest is 'policy'"):
        AlbertTokenizer.from_pretrained(tmp_path, polcy="reference")  # type: ignore[call-arg]
    with pytest.raises(InputError, match=r"policy is 'googel'.*\[unknown-policy\]"):
        AlbertTokenizer.from_pretrained(tmp_path, policy="googel")


def test_words_must_be_in_lists(tiny: AlbertTokenizer) -> None:
    with pytest.raises(InputError, match=r"text\[1\] is 'b'.*list of words"):
        tiny([["a"], "b"], is_split_into_words=True)


def test_tensors_without_torch_say_how_to_install_it() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from albertkit import AlbertTokenizer; "
        f"AlbertTokenizer.from_pretrained({str(TINY)!r})('a', return_tensors='pt')"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    line = result.stderr.splitlines()[-1]
    assert 'return_tensors="pt" needs torch, which is not installed' in line
    assert line.endswith("[extra-missing]")


def test_most_vocabularies_open_without_the_tokenizers_library() -> None:
    code = (
        "import sys; sys.modules['tokenizers'] = None; from albertkit import AlbertTokenizer; "
        f"print(AlbertTokenizer.from_pretrained({str(TINY)!r})('the')['input_ids'][0])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.stdout == "2\n"
