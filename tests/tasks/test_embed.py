"""TextEmbedder against sentence-transformers, on the same directory of random weights."""

from __future__ import annotations

import copy
import inspect
import logging
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_overloads

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from tests.support.axes import random_weights
from tests.support.tiny_models import TINY, save_tiny, save_tiny_vectors

from albertkit.checkpoints import SENTENCE_TRANSFORMERS, Checkpoint
from albertkit.errors import InputError, ResourceError
from albertkit.spec.pooling_config import Dense, Normalize, PoolingConfig
from albertkit.tasks import TextEmbedder
from albertkit.tasks.inputs import Texts
from albertkit.tasks.options import EncodeOptions

TEXTS = [
    "I like my phone",
    "My phone is not good.",
    "",
    "Global warming is real, and how old are you in all of these longer words of mine?",
    "how old are you",
]
PAIRS = [["a cat", "on the mat"], ["how old", "are you all here"]]
CHANCE = np.random.default_rng(3)
PLAN = PoolingConfig(
    steps=(
        Dense(
            CHANCE.normal(0, 0.3, (12, 32)).astype(np.float32),
            CHANCE.normal(0, 0.3, 12).astype(np.float32),
            "tanh",
        ),
    ),
    max_length=20,
    prompts=MappingProxyType({"query": "query: ", "document": "", "topic": "the topic is "}),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_vectors(tmp_path_factory.mktemp("models") / "vectors", PLAN)


@pytest.fixture(scope="module")
def ours(path: Path) -> TextEmbedder:
    return TextEmbedder(path, truncation="off")


@pytest.fixture(scope="module")
def theirs(path: Path) -> SentenceTransformer:
    torch.set_num_threads(1)
    return SentenceTransformer(str(path), device="cpu")


SAME = {
    "one text": "I like my phone",
    "an empty text": "",
    "a list": TEXTS,
    "a tuple": tuple(TEXTS),
    "an array": np.array(TEXTS),
    "a list of one": TEXTS[:1],
    "pairs": PAIRS,
    "nothing": [],
}


@pytest.mark.parametrize("given", SAME.values(), ids=SAME.keys())
def test_encode_gives_the_shape_type_and_numbers_of_sentence_transformers(
    ours: TextEmbedder, theirs: SentenceTransformer, given: object
) -> None:
    mine, other = ours.encode(given), theirs.encode(given)
    assert mine.shape == other.shape
    assert mine.dtype == other.dtype
    np.testing.assert_allclose(mine, other, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"normalize_embeddings": True},
        {"truncate_dim": 5},
        {"truncate_dim": 12},
        {"truncate_dim": 5, "normalize_embeddings": True},
        {"batch_size": 1},
        {"prompt": "query: "},
        {"prompt_name": "topic"},
    ],
    ids=str,
)
def test_options_mean_what_they_mean_there(
    ours: TextEmbedder, theirs: SentenceTransformer, options: dict[str, Any]
) -> None:
    np.testing.assert_allclose(
        ours.encode(TEXTS, **options), theirs.encode(TEXTS, **options), atol=1e-5
    )


def test_queries_and_documents_get_their_prompts(
    ours: TextEmbedder, theirs: SentenceTransformer
) -> None:
    for mine, other in (
        (ours.encode_query, theirs.encode_query),
        (ours.encode_document, theirs.encode_document),
    ):
        np.testing.assert_allclose(mine(TEXTS), other(TEXTS), atol=1e-5)
    assert np.abs(ours.encode_query(TEXTS) - ours.encode_document(TEXTS)).max() > 1e-3


def test_a_default_prompt_holds_where_none_is_asked_for(path: Path, ours: TextEmbedder) -> None:
    asking = TextEmbedder(path, default_prompt_name="topic", truncation="off")
    np.testing.assert_array_equal(asking.encode(TEXTS), ours.encode(TEXTS, prompt_name="topic"))
    np.testing.assert_array_equal(asking.encode(TEXTS, prompt=""), ours.encode(TEXTS))
    with pytest.raises(InputError, match=r"'tpoic'.*\[prompt-unknown\]"):
        TextEmbedder(path, default_prompt_name="tpoic")


def test_token_vectors_are_one_array_a_text_without_padding(
    ours: TextEmbedder, theirs: SentenceTransformer
) -> None:
    for mine, other in zip(
        ours.encode(TEXTS, output_value="token_embeddings"),
        theirs.encode(TEXTS, output_value="token_embeddings"),
        strict=True,
    ):
        np.testing.assert_allclose(mine, other.numpy(), atol=1e-5)
    assert ours.encode("hello", output_value="token_embeddings").ndim == 2


def test_everything_of_a_text_is_a_dict(ours: TextEmbedder, theirs: SentenceTransformer) -> None:
    mine = ours.encode(TEXTS[3], output_value=None, normalize_embeddings=True)
    other = theirs.encode(TEXTS[3], output_value=None)
    assert mine["input_ids"].tolist() == other["input_ids"].tolist()
    assert mine["attention_mask"].tolist() == other["attention_mask"].tolist()
    np.testing.assert_allclose(mine["token_embeddings"], other["token_embeddings"], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(mine["sentence_embedding"]), 1, atol=1e-6)
    assert len(ours.encode(TEXTS, output_value=None)) == len(TEXTS)


def test_tensors_come_on_request(ours: TextEmbedder) -> None:
    whole = ours.encode(TEXTS, convert_to_tensor=True)
    assert isinstance(whole, torch.Tensor)
    assert whole.shape == (5, 12)
    assert ours.encode("hello", convert_to_tensor=True).shape == (12,)
    each = ours.encode(TEXTS, convert_to_numpy=False)
    assert isinstance(each, list)
    assert torch.equal(torch.stack(each), whole)


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)


@pytest.mark.usefixtures("without_torch")
def test_tensors_without_torch_name_the_extra(ours: TextEmbedder) -> None:
    with pytest.raises(ResourceError, match=r"needs torch.*\[extra-missing\]"):
        ours.encode("hello", convert_to_tensor=True)


def test_order_and_other_texts_change_nothing(ours: TextEmbedder) -> None:
    many = [TEXTS[number % 5] + f" {number}" for number in range(200)]
    together = ours.encode(many)
    np.testing.assert_allclose(ours.encode(many[::-1])[::-1], together, atol=1e-5)
    np.testing.assert_allclose(ours.encode(many[7]), together[7], atol=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "cls", "max"])
def test_each_pooling_is_sentence_transformers(tmp_path: Path, pooling: str) -> None:
    plan = PoolingConfig(pooling=pooling, steps=(Normalize(),))  # type: ignore[arg-type]  # parameters
    where = save_tiny_vectors(tmp_path / "model", plan)
    np.testing.assert_allclose(
        TextEmbedder(where).encode(TEXTS),
        SentenceTransformer(str(where), device="cpu").encode(TEXTS),
        atol=1e-5,
    )


def test_the_pooler_is_transformers_pooled_output(tmp_path: Path) -> None:
    where = save_tiny(tmp_path / "model")
    embedder = TextEmbedder(where, pooling="pooler")
    from transformers import AlbertModel  # slow to import, used here only

    ids = torch.tensor(embedder.model.tokenizer.encode_batch(TEXTS[:1]).ids[None].astype(int))
    with torch.no_grad():
        pooled = AlbertModel.from_pretrained(where).eval()(ids).pooler_output
    np.testing.assert_allclose(embedder.encode(TEXTS[:1]), pooled, atol=1e-5)
    everything = embedder.encode(TEXTS[0], output_value=None)
    np.testing.assert_allclose(everything["sentence_embedding"], pooled[0], atol=1e-5)


def test_a_bare_encoder_is_mean_pooled_as_there(tmp_path: Path) -> None:
    where = save_tiny(tmp_path / "model", ["masked_lm"])
    np.testing.assert_allclose(
        TextEmbedder(where).encode(TEXTS),
        SentenceTransformer(str(where), device="cpu").encode(TEXTS),
        atol=1e-5,
    )


def test_what_is_saved_opens_there_and_here_with_the_same_vectors(
    ours: TextEmbedder, tmp_path: Path
) -> None:
    ours.save_pretrained(tmp_path / "saved")
    there = SentenceTransformer(str(tmp_path / "saved"), device="cpu")
    here = TextEmbedder(tmp_path / "saved", truncation="off")
    np.testing.assert_allclose(there.encode(TEXTS), ours.encode(TEXTS), atol=1e-5)
    np.testing.assert_array_equal(here.encode(TEXTS), ours.encode(TEXTS))
    assert there.max_seq_length == here.max_seq_length == 20
    assert here.prompts == ours.prompts
    assert there.prompts == ours.prompts


def test_a_model_may_be_saved_over_itself(tmp_path: Path) -> None:
    embedder = TextEmbedder(save_tiny(tmp_path / "model"), pooling="max")
    before = embedder.encode(TEXTS)
    embedder.save_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(TextEmbedder(tmp_path / "model").encode(TEXTS), before)


@pytest.mark.parametrize(
    "given",
    [None, 3, b"bytes", {"a", "set"}, {"a": "dict"}, range(3), ["a text", None], ["a", 3]],
    ids=lambda given: type(given).__name__,
)
def test_what_is_no_text_is_refused_before_anything_is_computed(
    ours: TextEmbedder, given: object
) -> None:
    with pytest.raises(ValueError, match=r"Unsupported input type.*\[input-not-texts\]"):
        ours.encode(given)


def test_texts_and_pairs_do_not_mix(ours: TextEmbedder) -> None:
    with pytest.raises(InputError, match="item 1 of 2 is"):
        ours.encode(["a text", ["a", "pair"]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, r"batch_size is 0.*\[option-invalid\]"),
        ({"truncate_dim": 0}, r"truncate_dim is 0.*\[option-invalid\]"),
        ({"device": "cuda"}, r"device is 'cuda'.*\[option-invalid\]"),
        ({"pool": object()}, r"pool.*\[option-invalid\]"),
        ({"precision": "int4"}, r"'int4'.*'ubinary'.*\[option-invalid\]"),
        (
            {"precision": "int8", "output_value": None},
            r"precision is 'int8', output_value None.*\[option-invalid\]",
        ),
        ({"output_value": "words"}, r"'token_embeddings', None.*\[option-invalid\]"),
        ({"prompt_name": "qeury"}, r"'query', 'document', 'topic'.*\[prompt-unknown\]"),
        ({"normalise_embeddings": True}, r"'normalize_embeddings'.*\[unknown-keyword\]"),
        ({"prompt": 5}, r"prompt is 5 \(int\).*\[option-invalid\]"),
        ({"precision": "int8", "ranges": [[0], [1, 2]]}, r"ranges is .*\[option-invalid\]"),
    ],
    ids=str,
)
def test_wrong_options_are_refused_with_the_valid_ones(
    ours: TextEmbedder, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ours.encode(TEXTS, **options)


def test_a_misspelt_keyword_of_any_call_is_refused(ours: TextEmbedder, tmp_path: Path) -> None:
    for call in (
        lambda: ours.similarity([1.0], rihgt=[1.0]),  # type: ignore[call-arg]
        lambda: ours.similarity_pairwise([1.0], rihgt=[1.0]),  # type: ignore[call-arg]
        lambda: ours.chunk("a", overlpa=3),  # type: ignore[call-arg]
        lambda: ours.save_pretrained(tmp_path, dtpye="float16"),  # type: ignore[call-arg]
    ):
        with pytest.raises(InputError, match=r"the nearest is .*\[unknown-keyword\]"):
            call()


def test_the_texts_may_be_called_inputs_or_sentences(ours: TextEmbedder) -> None:
    np.testing.assert_array_equal(ours.encode(inputs=TEXTS), ours.encode(sentences=TEXTS))
    with pytest.raises(InputError, match="Unsupported input type: None"):
        ours.encode()


@pytest.mark.parametrize(
    "options",
    [
        {"truncation": "maybe"},
        {"pooling": "sum"},
        {"similarity_fn_name": "near"},
        {"engine": "tensorflow"},
        {"max_length": 0},
        {"max_length": 10_000},
    ],
    ids=str,
)
def test_an_embedder_refuses_unknown_choices(path: Path, options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        TextEmbedder(path, **options)  # type: ignore[arg-type]  # that is the test


def test_truncated_texts_are_counted_in_one_warning(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        TextEmbedder(path).encode([*filter(None, TEXTS), "water " * 50])
    (record,) = caplog.records
    assert record.getMessage().startswith("2 of 5 texts were cut to 20 ids")
    assert "[text-truncated]" in record.getMessage()


def test_texts_are_refused_or_silently_cut_where_that_is_asked_for(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InputError, match=r"text 2 is too long; it has 102 ids.*\[text-too-long\]"):
        TextEmbedder(path, truncation="error").encode(["short", "water " * 50])
    TextEmbedder(path, truncation="off").encode(["short", "water " * 50])
    assert not caplog.records


def test_the_progress_line_ends_with_all_texts(
    ours: TextEmbedder, capsys: pytest.CaptureFixture[str]
) -> None:
    ours.encode(["one", "two"], show_progress_bar=True)
    shown = capsys.readouterr()
    assert "2/2 " in shown.err
    assert shown.err.endswith("\n")
    assert shown.out == ""
    ours.encode(["one", "two"], show_progress_bar=False)
    assert capsys.readouterr().err == ""


def test_the_dimension_is_that_of_the_vectors(path: Path, ours: TextEmbedder) -> None:
    assert ours.get_embedding_dimension() == ours.encode("a").shape[0] == 12
    assert ours.get_sentence_embedding_dimension() == 12
    short = TextEmbedder(path, truncate_dim=4)
    assert short.get_embedding_dimension() == short.encode("a").shape[0] == 4


def test_more_dimensions_than_there_are_are_refused(path: Path, ours: TextEmbedder) -> None:
    message = r"truncate_dim is 13; the model's vectors have 12 dimensions.*\[option-invalid\]"
    whole = TextEmbedder(path, truncate_dim=12)
    for call in (
        lambda: TextEmbedder(path, truncate_dim=13),
        lambda: ours.encode(TEXTS, truncate_dim=13),
        lambda: ours.encode([], truncate_dim=13),
        lambda: setattr(whole, "truncate_dim", 13),
    ):
        with pytest.raises(InputError, match=message):
            call()
    assert whole.truncate_dim == 12


def test_what_people_ask_a_model_has_the_names_that_it_has_there(
    ours: TextEmbedder, theirs: SentenceTransformer
) -> None:
    assert ours.similarity_fn_name == theirs.similarity_fn_name
    assert ours.max_seq_length == theirs.max_seq_length
    assert ours.tokenizer.vocab_size == theirs.tokenizer.vocab_size


def test_the_longest_text_can_be_set_as_there(path: Path) -> None:
    ours, theirs = TextEmbedder(path, truncation="off"), SentenceTransformer(str(path))
    ours.max_seq_length = theirs.max_seq_length = 8
    np.testing.assert_allclose(ours.encode(TEXTS), theirs.encode(TEXTS), atol=1e-5)
    assert ours.max_seq_length == 8
    ours.max_seq_length = 30
    assert ours.encode("water " * 50, output_value="token_embeddings").shape == (30, 32)
    for wrong in (0, "8", 10_000):
        with pytest.raises(InputError, match=r"max_seq_length is .*\[option-invalid\]"):
            ours.max_seq_length = wrong  # type: ignore[assignment]  # that is the test


def test_what_a_directory_says_can_be_overridden(path: Path, ours: TextEmbedder) -> None:
    other = TextEmbedder(
        path,
        engine="numpy",
        pooling="max",
        prompts={"query": "the "},
        similarity_fn_name="dot",
        max_length=6,
        truncation="off",
        policy="huggingface",
    )
    assert other.prompts == {"query": "the ", "document": "", "topic": "the topic is "}
    assert other.encode(TEXTS[3], output_value="token_embeddings").shape == (6, 32)
    assert other.tokenizer.policy.name == "huggingface"
    vectors = other.encode(TEXTS)
    np.testing.assert_array_equal(other.similarity(vectors, vectors), vectors @ vectors.T)
    assert not np.allclose(vectors[0], ours.encode(TEXTS[0]), atol=1e-3)


def test_all_arguments_stand_where_they_stand_there(
    ours: TextEmbedder, theirs: SentenceTransformer
) -> None:
    given: tuple[Any, ...] = (
        TEXTS,
        None,
        "so ",
        2,
        False,
        "sentence_embedding",
        "uint8",
        True,
        False,
        "cpu",
        True,
        5,
    )
    np.testing.assert_allclose(ours.encode(*given), theirs.encode(*given), atol=1)  # of 256 steps
    own = [*inspect.signature(TextEmbedder.encode).parameters][2:14]
    assert own == [*inspect.signature(SentenceTransformer.encode).parameters][2:14]


@pytest.mark.parametrize("precision", ["float32", "int8", "uint8", "binary", "ubinary"])
def test_each_type_of_vectors_is_sentence_transformers(
    ours: TextEmbedder, theirs: SentenceTransformer, precision: Any
) -> None:
    mine, other = (model.encode(TEXTS, precision=precision) for model in (ours, theirs))
    assert (mine.shape, mine.dtype) == (other.shape, other.dtype)
    # rounding of 1e-5 moves a number over the edge of a step at most, and of no bit here
    distance = np.abs(mine.astype(np.float64) - other)
    assert distance.max() <= (0 if "binary" in precision else 1)


def test_the_typed_form_of_encode_takes_what_encode_takes() -> None:
    usual = inspect.signature(get_overloads(TextEmbedder.encode)[0]).parameters
    own = inspect.signature(TextEmbedder.encode).parameters
    assert [*usual][:-1] == [*own][:-2]  # with an output the answer is another
    assert [*usual][-1] == "inputs"


@pytest.mark.parametrize(
    "prompts",
    [
        {},
        {"query": "search: "},
        {"document": "text: "},
        {"query": "q: ", "passage": "p: "},
        {"query": "q: ", "corpus": "c: ", "document": ""},
        {"topic": "about "},
    ],
    ids=str,
)
@pytest.mark.parametrize("default", [None, "query", "topic"])
def test_prompts_follow_the_rules_of_sentence_transformers(
    tmp_path: Path, prompts: dict[str, str], default: str | None
) -> None:
    saved = PoolingConfig(prompts=MappingProxyType({"topic": "the topic is "}))
    where = save_tiny_vectors(tmp_path / "model", saved)
    theirs = SentenceTransformer(
        str(where), prompts=prompts, default_prompt_name=default, device="cpu"
    )
    ours = TextEmbedder(where, prompts=prompts, default_prompt_name=default)
    assert ours.prompts == theirs.prompts
    assert ours.default_prompt_name == theirs.default_prompt_name
    for mine, other in (
        (ours.encode, theirs.encode),
        (ours.encode_query, theirs.encode_query),
        (ours.encode_document, theirs.encode_document),
    ):
        np.testing.assert_allclose(mine("x y"), other("x y"), atol=1e-5)
        np.testing.assert_allclose(
            mine("x y", prompt_name="query"), other("x y", prompt_name="query"), atol=1e-5
        )


def test_settings_can_be_changed_as_there(path: Path, ours: TextEmbedder) -> None:
    embedder = TextEmbedder(path, truncation="off")
    embedder.prompts = {"new": "the "}
    embedder.default_prompt_name = "new"
    embedder.similarity_fn_name = "dot"
    np.testing.assert_array_equal(embedder.encode("a"), ours.encode("a", prompt="the "))
    assert embedder.similarity([1.0, 2.0], [3.0, 4.0]).tolist() == [[11.0]]
    with pytest.raises(InputError, match=r"\[prompt-unknown\]"):
        embedder.default_prompt_name = "old"
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        embedder.similarity_fn_name = "near"  # type: ignore[assignment]  # that is the test
    assert embedder.device == "cpu"
    assert embedder.get_max_seq_length() == embedder.max_seq_length


def test_tokenize_gives_the_tensors_of_sentence_transformers(
    ours: TextEmbedder, theirs: SentenceTransformer
) -> None:
    mine, other = ours.tokenize(TEXTS), theirs.tokenize(TEXTS)
    assert {*mine} >= {"input_ids", "attention_mask"}
    for name in ("input_ids", "attention_mask"):
        assert torch.equal(mine[name], other[name])


def test_tensors_of_no_texts_are_float32(ours: TextEmbedder, theirs: SentenceTransformer) -> None:
    mine, other = (model.encode([], convert_to_tensor=True) for model in (ours, theirs))
    assert mine.dtype == other.dtype == torch.float32
    assert mine.shape == other.shape
    np.testing.assert_array_equal(ours.encode("a", precision=None), ours.encode("a"))


def test_whole_numbers_of_numpy_are_whole_numbers(path: Path, ours: TextEmbedder) -> None:
    short = TextEmbedder(path, truncate_dim=np.int64(4), max_length=np.int32(9))  # type: ignore[arg-type]  # that is the test
    short.max_seq_length = np.int16(8)  # type: ignore[assignment]  # that is the test
    assert short.max_seq_length == 8
    assert short.encode("a", batch_size=np.int64(2)).shape == (4,)
    assert ours.encode("a", truncate_dim=np.uint8(3)).shape == (3,)
    with pytest.raises(InputError, match=r"batch_size is None.*\[option-invalid\]"):
        ours.encode("a", batch_size=None)


def test_columns_of_tables_are_read(ours: TextEmbedder) -> None:
    import pyarrow

    table = pyarrow.table({"text": TEXTS})
    np.testing.assert_array_equal(ours.encode(table["text"]), ours.encode(TEXTS))
    assert type(table["text"]).__name__ == "ChunkedArray"

    class Series:
        """As of polars, which is not a sequence."""

        def to_list(self) -> list[str]:
            return TEXTS

    np.testing.assert_array_equal(ours.encode(Series()), ours.encode(TEXTS))
    np.testing.assert_array_equal(ours.encode(np.array("one")), ours.encode("one"))


def test_an_embedder_can_be_copied_and_pickled(path: Path) -> None:
    embedder = TextEmbedder(path, truncation="off", pooling="max", engine="numpy")
    embedder.max_seq_length = 9
    expected = embedder.encode(TEXTS)
    for other in (copy.deepcopy(embedder), pickle.loads(pickle.dumps(embedder))):  # noqa: S301
        np.testing.assert_array_equal(other.encode(TEXTS), expected)
        assert other.max_seq_length == 9
    assert len(pickle.dumps(embedder)) < 10_000, "weights are mapped again, not copied"


def test_an_embedder_is_printed_by_what_it_is(path: Path) -> None:
    embedder = TextEmbedder(path, truncate_dim=7)
    assert repr(embedder) == f"TextEmbedder('{path}', 7 dimensions, mean pooling, 20 ids)"


def test_texts_of_unknown_pieces_are_counted(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    embedder = TextEmbedder(path, truncation="off")
    with caplog.at_level(logging.WARNING):
        embedder.encode(["a cat", "猫が好きです", "👍", "a 猫", ["b", "c"][0]])
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "2 of 5 texts consist of unknown pieces only, the first is number 2;"
    )
    assert "[text-unknown]" in record.getMessage()


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        (["masked_lm"], "this model was trained to predict masked words"),
        (["question_answering"], "this model was trained for question_answering"),
        ([], "the files do not say that this model was trained to give vectors"),
    ],
)
def test_a_model_not_trained_for_vectors_gets_one_warning(
    heads: list[str], message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    where = save_tiny(tmp_path / "model", heads)
    vectors = save_tiny_vectors(tmp_path / "vectors", PoolingConfig())
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        TextEmbedder(where).encode(["a", "b"])
    assert [r.getMessage().rpartition(" ")[2] for r in caplog.records] == ["[vectors-untrained]"]
    assert message in caplog.records[0].getMessage()
    caplog.clear()
    TextEmbedder(where, pooling="mean").encode("a")
    TextEmbedder(vectors).encode("a")
    assert not caplog.records


def test_vectors_that_are_not_finite_get_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = random_weights(TINY)
    table = weights.arrays["embeddings.word_embeddings.weight"].copy()
    table[7] = np.nan
    arrays = {**weights.arrays, "embeddings.word_embeddings.weight": table}
    where = tmp_path / "model"
    SENTENCE_TRANSFORMERS.write(
        Checkpoint(replace(weights, arrays=arrays), pooling=PoolingConfig()), where
    )
    TextEmbedder(save_tiny_vectors(tmp_path / "other", PoolingConfig())).tokenizer.save_pretrained(
        where
    )
    embedder = TextEmbedder(where)
    bad = embedder.tokenizer.convert_ids_to_tokens(7)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        embedder.encode(["a", "b", f"{bad} {bad}"])
    assert any(
        r.getMessage().startswith(
            "1 of 3 texts has a vector with NaN or infinite numbers, number 3"
        )
        and "[vectors-not-finite]" in r.getMessage()
        for r in caplog.records
    )
    call = embedder.encode_call(EncodeOptions())  # of rows of a table, as a job has them
    rows = [Texts(["a", "b"], None, False, [4, 6]), Texts(["c", bad], None, False, [7, 9])]
    assert len(list(call.answers(iter(rows)))) == 2
    assert (call.report.not_finite.count, call.report.not_finite.first) == (1, 9)
