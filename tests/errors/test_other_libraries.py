"""Keywords and methods of other libraries are answered with what to write in albertkit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from albertkit import AlbertConfig, AlbertTokenizer, TextClassifier, TextEmbedder
from albertkit.errors import InputError
from albertkit.errors.arguments import refuse_unknown
from albertkit.errors.other_libraries import ANSWERS, EMBEDDER_ANSWERS, TOKENIZER_ANSWERS

EMBEDDER = TextEmbedder()
TOKENIZER = AlbertTokenizer.from_pretrained("small-en")


@pytest.mark.parametrize(
    ("call", "keyword", "answer"),
    [
        (TextEmbedder, "model_card_data", "no model card"),
        (TextEmbedder, "modules", "a directory that sentence-transformers saved"),
        (TextEmbedder, "keep_accents", r"AlbertTokenizer.from_pretrained\(model, keep_accents=…\)"),
        (TOKENIZER, "pad_to_max_length", 'Write padding="max_length"'),
        (AlbertTokenizer, "vocab_file", r"AlbertTokenizer.from_pretrained\(path\)"),
        (AlbertConfig, "quantization_config", r'Give precision="int8" to a task: TextEmbedder\('),
        (AlbertConfig, "position_embedding_type", "positions are absolute"),
        (AlbertConfig, "is_decoder", "ALBERT is an encoder"),
        (AlbertConfig, "return_dict", "a call of a torch model takes it"),
        (TextEmbedder, "num_threads", "OMP_NUM_THREADS before the start"),
        (TextEmbedder, "torch_dtype", 'Give a task precision="bfloat16"'),
        (TextEmbedder, "dtype", 'Give a task precision="bfloat16"'),
        (TextClassifier, "tokenizer", "the model's own tokenizer"),
        (TextClassifier, "framework", 'engine="torch"'),
        (TextClassifier, "device_map", 'Write device="auto"'),
        (AlbertConfig, "output_attentions", r"model\(\*\*batch, output_attentions=True\)"),
        (AlbertConfig, "output_hidden_states", "Give it to the call"),
        (TextClassifier, "top_k", r"classifier\(texts, top_k=2\)"),
        (AlbertTokenizer.from_pretrained, "model_max_length", "Write max_length="),
        (EMBEDDER.encode, "truncation", "Give it to TextEmbedder"),
        (EMBEDDER.encode, "pooling", r"Give it to TextEmbedder\(model, pooling="),
    ],
)
def test_a_keyword_of_another_library_has_an_answer(
    call: Callable[..., object], keyword: str, answer: str
) -> None:
    given: dict[str, Any] = {keyword: "x"}
    positional = ("a",) if call in (TOKENIZER, AlbertTokenizer.from_pretrained) else ()
    with pytest.raises(InputError, match=rf"keyword '{keyword}'.*{answer}.*\[unknown-keyword\]"):
        call(*positional, **given)


@pytest.mark.parametrize("keyword", ["cashing", "from_xyz", "top_n"])
def test_a_keyword_that_is_no_misspelling_is_not_corrected(keyword: str) -> None:
    known = ["cache_dir", "problem_type", "token"]
    with pytest.raises(InputError, match="it takes cache_dir, problem_type, token"):
        refuse_unknown([keyword], known, "x")
    with pytest.raises(InputError, match=r"the nearest is 'cache_dir'\. Correct it"):
        refuse_unknown(["cachedir"], known, "x")


def test_every_answer_ends_like_the_other_messages() -> None:
    for keyword, (why, fix) in ANSWERS.items():
        with pytest.raises(InputError, match=f"x has no keyword '{keyword}'"):
            refuse_unknown([keyword], ["text"], "x")
        assert not why.endswith(".")
        assert not fix.endswith(".")


@pytest.mark.parametrize(
    ("value", "answers"),
    [(EMBEDDER, EMBEDDER_ANSWERS), (TOKENIZER, TOKENIZER_ANSWERS)],
    ids=["embedder", "tokenizer"],
)
def test_a_method_of_another_library_has_an_answer(
    value: object, answers: Mapping[str, tuple[str, str]]
) -> None:
    for method, (_, fix) in answers.items():
        assert not hasattr(value, method)
        with pytest.raises(
            InputError, match=rf"no attribute '{method}'.*\[unknown-method\]"
        ) as error:
            getattr(value, method)
        assert fix in str(error.value)
        assert not fix.endswith(".")


@pytest.mark.parametrize("value", [EMBEDDER, TOKENIZER], ids=["embedder", "tokenizer"])
def test_a_misspelt_method_is_an_attribute_error_that_names_it(value: object) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'encod'") as error:
        getattr(value, "encod")  # noqa: B009  # mypy sees that it is missing
    assert (error.value.name, error.value.obj) == ("encod", value)
    assert not isinstance(error.value, InputError)


def test_an_embedder_stays_where_it_is() -> None:
    assert EMBEDDER.eval() is EMBEDDER
    assert EMBEDDER.to("cpu") is EMBEDDER
    with pytest.raises(InputError, match=r"device is 'cuda'.*\[option-invalid\]"):
        EMBEDDER.to("cuda")
