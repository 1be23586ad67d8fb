"""tokenizer.json: ours gives our ids in transformers; others are followed, with a warning."""

from __future__ import annotations

import json
import sys
import unicodedata
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import assume, given, settings
from tokenizers import decoders, models, normalizers, pre_tokenizers

from albertkit.errors import InputError
from albertkit.fileformats.sentencepiece_model import (
    read_sentencepiece_model,
    write_sentencepiece_model,
)
from albertkit.tokenization import AlbertTokenizer
from albertkit.tokenization.normalization import is_dropped_mark, normalize
from albertkit.tokenization.pieces import SentencePieces, is_digit_comma, is_inside_digit_comma
from albertkit.tokenization.policy import HUGGINGFACE, REFERENCE
from albertkit.tokenization.tokenizer_json.foreign import UNTOUCHED
from albertkit.tokenization.tokenizer_json.probe_texts import (
    MASKED_TEXTS,
    PROBE_TEXTS,
    SPECIAL_TEXTS,
)
from albertkit.tokenization.tokenizer_json.rules import (
    MARK_CODES,
    make_regex_class,
    mark_class,
    read_known_form,
)
from albertkit.tokenization.vocabulary import SpecialNames

from .conftest import TINY
from .texts import tricky_texts

TINY_MODEL = read_sentencepiece_model(TINY.read_bytes(), "tiny")
KEPT = [
    number for number, piece in enumerate(TINY_MODEL.pieces) if not is_inside_digit_comma(piece)
]
# As in the published vocabulary, each piece in digit + comma begins with ▁: otherwise a penalty on
# it cannot stand for google's rule.
DATA = write_sentencepiece_model(
    [TINY_MODEL.pieces[number] for number in KEPT],
    [float(TINY_MODEL.scores[number]) for number in KEPT],
    [TINY_MODEL.types[number] for number in KEPT],
    character_map=TINY_MODEL.normalizer.character_map,
)
MODEL = read_sentencepiece_model(DATA, "regular")


@pytest.fixture(scope="module")
def regular() -> AlbertTokenizer:
    return AlbertTokenizer(SentencePieces(DATA, "regular"), REFERENCE)


def convert_with_transformers(
    *, added: int = 5, penalty: float = 100.0, lower: bool = True
) -> tokenizers.Tokenizer:
    """A tokenizer as transformers' converters build it from a SentencePiece model.

    added: so many of the first pieces are added tokens; 5 are the specials, 13 all marks too.
    """
    vocabulary = [
        (piece, float(score) - (penalty if is_digit_comma(piece) else 0))
        for piece, score in zip(MODEL.pieces, MODEL.scores, strict=True)
    ]
    made = tokenizers.Tokenizer(models.Unigram(vocabulary, unk_id=1, byte_fallback=False))
    steps = [
        normalizers.Replace("``", '"'),
        normalizers.Replace("''", '"'),
        normalizers.NFKD(),
        normalizers.StripAccents(),
    ]
    if lower:
        steps.append(normalizers.Lowercase())
    steps.append(normalizers.Precompiled(MODEL.normalizer.character_map))
    steps.append(normalizers.Replace(tokenizers.Regex(" {2,}"), " "))
    made.normalizer = normalizers.Sequence(steps)
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    made.decoder = decoders.Metaspace()
    made.add_special_tokens(list(MODEL.pieces[:added]))
    return made


def ids_of(tokenizer: AlbertTokenizer, texts: tuple[str, ...]) -> list[list[int]]:
    return [row.ids[1:-1].tolist() for row in tokenizer.encode_batch(texts)]


def test_the_marks_of_a_file_are_all_that_unicode_has() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1)]
    of_class = [ord(c) for c in characters if unicodedata.combining(c)]
    of_category = [ord(c) for c in characters if unicodedata.category(c) == "Mn"]
    assert {*of_class, *of_category} <= {*MARK_CODES}
    assert mark_class(replace(REFERENCE, marks="class")) == make_regex_class(of_class)
    assert mark_class(replace(REFERENCE, marks="category")) == make_regex_class(of_category)


def test_the_converters_form_becomes_the_huggingface_policy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, regular: AlbertTokenizer
) -> None:
    convert_with_transformers().save(str(tmp_path / "tokenizer.json"))
    opened = AlbertTokenizer.from_pretrained(tmp_path)
    assert opened.policy == HUGGINGFACE
    assert opened.policy_reason == "tokenizer.json has a known form: huggingface"
    texts = PROBE_TEXTS + MASKED_TEXTS + SPECIAL_TEXTS
    assert ids_of(opened, texts) == ids_of(AlbertTokenizer(regular.vocabulary, HUGGINGFACE), texts)
    assert "other ids than google's pipeline" in caplog.text


def test_the_model_behind_a_known_form_is_found_again(
    tmp_path: Path, regular: AlbertTokenizer
) -> None:
    path = tmp_path / "tokenizer.json"
    convert_with_transformers().save(str(path))
    known = read_known_form(json.loads(path.read_text()), SpecialNames())
    assert known is not None
    rebuilt = read_sentencepiece_model(known.model, "rebuilt")
    assert rebuilt.pieces == MODEL.pieces
    assert rebuilt.types == MODEL.types
    assert rebuilt.scores == pytest.approx(MODEL.scores, abs=1e-5)
    reference = AlbertTokenizer.from_pretrained(tmp_path, policy="reference")
    assert reference.policy == REFERENCE
    assert ids_of(reference, PROBE_TEXTS) == ids_of(regular, PROBE_TEXTS)


def test_a_cased_file_becomes_a_cased_policy(tmp_path: Path) -> None:
    convert_with_transformers(lower=False).save(str(tmp_path / "tokenizer.json"))
    assert AlbertTokenizer.from_pretrained(tmp_path).policy.case == "kept"


@pytest.mark.parametrize("options", [{"added": 13}, {"penalty": 0.0}], ids=str)
def test_a_file_of_another_form_gives_its_own_ids(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, options: dict[str, Any]
) -> None:
    """Marks as added tokens (transformers 5 from spiece.model), and no digit-comma rule."""
    own = convert_with_transformers(**options)
    own.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "spiece.model").write_bytes(DATA)
    opened = AlbertTokenizer.from_pretrained(tmp_path)
    texts = PROBE_TEXTS + MASKED_TEXTS + SPECIAL_TEXTS
    expected = [own.encode(text, add_special_tokens=False).ids for text in texts]
    assert ids_of(opened, texts) == expected
    assert "other ids than google's pipeline" in caplog.text
    overridden = AlbertTokenizer.from_pretrained(tmp_path, policy="reference")
    assert overridden.policy == REFERENCE


def test_a_file_run_as_it_is_gives_its_own_slices_and_saves_itself(tmp_path: Path) -> None:
    own = convert_with_transformers(added=13)
    own.save(str(tmp_path / "tokenizer.json"))
    opened = AlbertTokenizer.from_pretrained(tmp_path)
    assert opened.policy == UNTOUCHED
    assert "run by the tokenizers library" in opened.policy_reason
    text = "The [MASK] (Café)"
    result = opened(text, return_offsets_mapping=True)
    expected = own.encode(text, add_special_tokens=False)
    assert result["offset_mapping"][1:-1] == expected.offsets  # type: ignore[index]
    ids: Any = result["input_ids"]
    assert opened.decode(ids) == own.decode(ids, skip_special_tokens=False)
    opened.save_pretrained(tmp_path / "again")
    again = AlbertTokenizer.from_pretrained(tmp_path / "again")
    assert again(text) == opened(text)


def test_a_policy_needs_a_vocabulary_that_it_can_act_on(tmp_path: Path) -> None:
    convert_with_transformers(added=13).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(
        InputError, match=r'policy "reference" cannot be applied.*policy-incompatible'
    ):
        AlbertTokenizer.from_pretrained(tmp_path, policy="reference")


def test_a_file_that_was_put_over_ours_is_followed(
    tmp_path: Path, regular: AlbertTokenizer
) -> None:
    regular.save_pretrained(tmp_path)
    assert AlbertTokenizer.from_pretrained(tmp_path).policy == REFERENCE
    convert_with_transformers().save(str(tmp_path / "tokenizer.json"))
    assert AlbertTokenizer.from_pretrained(tmp_path).policy == HUGGINGFACE


def test_our_file_alone_is_known_again(tmp_path: Path, regular: AlbertTokenizer) -> None:
    regular.save_pretrained(tmp_path)
    for name in ("spiece.model", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    opened = AlbertTokenizer.from_pretrained(tmp_path)
    assert opened.policy == REFERENCE
    assert ids_of(opened, PROBE_TEXTS) == ids_of(regular, PROBE_TEXTS)


@pytest.fixture(scope="module")
def peers(regular: AlbertTokenizer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What transformers makes of the directory that we save."""
    import transformers

    path = tmp_path_factory.mktemp("saved")
    regular.save_pretrained(path)
    (path / "config.json").write_text('{"model_type": "albert"}')
    return {
        "auto": transformers.AutoTokenizer.from_pretrained(path),
        "albert": transformers.AlbertTokenizer.from_pretrained(path),
    }


def test_transformers_gives_our_ids_to_every_probe(
    regular: AlbertTokenizer, peers: dict[str, Any]
) -> None:
    texts = PROBE_TEXTS + MASKED_TEXTS
    result = [peers["auto"](text, add_special_tokens=False)["input_ids"] for text in texts]
    assert result == ids_of(regular, texts)
    assert peers["auto"].model_max_length == 512


# What the model's own map makes spaces, and what it drops.
MADE_SPACES = "▁\u200b\ufeff\ufffd"
CONTROLS = "".join(c for c in map(chr, range(0x80)) if not (c.isprintable() or c.isspace()))


def can_be_expressed(text: str) -> bool:
    """Whether the tokenizers library can give our ids: the limits in `write_tokenizer_json`."""
    decomposed = unicodedata.normalize("NFKD", text)
    follow_masks = [part[0] for part in decomposed.split("[MASK]")[1:] if part]
    return not (
        "ς" in normalize(text, REFERENCE)
        or any(is_dropped_mark(c, REFERENCE) or c in MADE_SPACES + CONTROLS for c in follow_masks)
        or any(
            before in MADE_SPACES and unicodedata.category(mark).startswith("M")
            for before, mark in pairwise(decomposed)
        )
    )


@settings(max_examples=150)
@given(text=tricky_texts)
def test_transformers_gives_our_ids_to_odd_texts(
    regular: AlbertTokenizer, peers: dict[str, Any], text: str
) -> None:
    for special in ("<pad>", "<unk>", "[CLS]", "[SEP]"):
        text = text.replace(special, "")
    assume(can_be_expressed(text))
    result = peers["auto"](text, add_special_tokens=False)["input_ids"]
    assert result == regular.encode_batch([text]).ids[1:-1].tolist()


def test_transformers_types_pairs(peers: dict[str, Any]) -> None:
    for peer in peers.values():
        assert peer("the", "model")["token_type_ids"] == [0, 0, 0, 1, 1]


def test_transformers_albert_class_differs_where_its_own_rules_do(
    regular: AlbertTokenizer, peers: dict[str, Any]
) -> None:
    """It rebuilds its normalizer whatever the file says: the quote rule, and a ▁ after a mask."""
    different = [
        text
        for text in PROBE_TEXTS + MASKED_TEXTS
        if peers["albert"](text, add_special_tokens=False)["input_ids"]
        != ids_of(regular, (text,))[0]
    ]
    assert different == [
        "``quoted'' text",
        "a[MASK]b",
        "known as [MASK].",
        "([MASK]), [MASK] [MASK]",
    ]


def test_saving_warns_if_transformers_gives_other_ids(
    tiny: AlbertTokenizer,
    regular: AlbertTokenizer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    regular.save_pretrained(tmp_path)
    assert not caplog.text
    tiny.save_pretrained(tmp_path)
    assert "in this vocabulary) get other ids if transformers reads" in caplog.text
    assert caplog.messages[0].endswith("[tokenizer-not-expressible]")
