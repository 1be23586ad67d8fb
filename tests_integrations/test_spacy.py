"""spaCy's tokens get the means of our pieces' vectors, whatever the text."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from hypothesis import example, given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc
from tests_integrations.texts import TEXTS

from albertkit import TextEmbedder
from albertkit.integrations.spacy import ADDED_PIECES, SpacyVectors


@pytest.fixture(scope="session")
def nlp(model: Path) -> Language:
    pipeline = spacy.blank("en")
    pipeline.add_pipe("albertkit", config={"model": str(model)})
    return pipeline


def slow_tensor(embedder: TextEmbedder, doc: Doc) -> np.ndarray:
    """The obvious version: for each token a mean over all pieces that share a character."""
    encoding: Any = embedder.tokenizer(doc.text, return_offsets_mapping=True)
    vectors = embedder.encode(doc.text, prompt="", output_value="token_embeddings")
    rows = []
    for token in doc:
        pieces = [
            vector
            for (start, end), vector in zip(encoding["offset_mapping"], vectors, strict=True)
            if start < token.idx + len(token) and end > token.idx and end > start
        ]
        rows.append(np.mean(pieces, axis=0) if pieces else np.zeros(vectors.shape[1]))
    return np.array(rows)


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("aB é-'\n.ﬁ½猫️👍1"), min_size=1, max_size=10))  # one window
@example("don't go,\n\n it's £5…")
@example("ﬁne ½ x")
@example("   ")
def test_a_tokens_vector_is_the_mean_of_its_pieces(
    nlp: Language, embedder: TextEmbedder, text: str
) -> None:
    doc = nlp(text)
    np.testing.assert_allclose(doc.tensor, slow_tensor(embedder, doc), atol=1e-5)


def test_the_text_vector_is_the_embedders(nlp: Language, embedder: TextEmbedder) -> None:
    for doc, vector in zip(nlp.pipe(TEXTS), embedder.encode(TEXTS, prompt=""), strict=True):
        np.testing.assert_allclose(doc.vector, vector, atol=1e-5)
        np.testing.assert_array_equal(doc._.text_vector, doc.vector)


def test_similarity_is_the_cosine_and_warns_of_nothing(
    nlp: Language, embedder: TextEmbedder
) -> None:
    one, other = nlp(TEXTS[0]), nlp(TEXTS[1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cosine = one.similarity(other)
    vectors = embedder.encode(TEXTS[:2], prompt="")
    assert cosine == pytest.approx(vectors[0] @ vectors[1], abs=1e-5)


def test_a_long_text_is_read_in_windows_of_whole_tokens(
    nlp: Language, embedder: TextEmbedder
) -> None:
    doc = nlp(" ".join(TEXTS * 3))
    component = nlp.get_pipe("albertkit")
    windows = component._windows([doc])
    assert len(windows) > 3
    assert [token.i for window in windows for token in window] == [token.i for token in doc]
    encodings = embedder.tokenizer.encode_batch([window.text for window in windows])
    lengths = encodings.lengths.tolist()
    assert max(lengths) <= embedder.max_seq_length
    assert min(lengths[:-1]) > embedder.max_seq_length - ADDED_PIECES - 8  # the longest word
    expected = [slow_tensor(embedder, window.as_doc()) for window in windows]
    np.testing.assert_allclose(doc.tensor, np.concatenate(expected), atol=1e-5)
    vectors = embedder.encode([window.text for window in windows], prompt="")
    np.testing.assert_allclose(doc.vector, vectors.mean(axis=0), atol=1e-5)


def test_an_empty_text_has_an_empty_tensor(nlp: Language) -> None:
    docs = list(nlp.pipe(["", TEXTS[0], ""]))
    assert [doc.tensor.shape[1] for doc in docs] == [32, 32, 32]
    assert [len(doc.tensor) for doc in docs] == [0, len(docs[1]), 0]
    assert not docs[0].has_vector


def test_other_processes_keep_the_vectors(nlp: Language) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # spaCy says that hooks stay in their process
        docs = list(nlp.pipe(TEXTS, n_process=2, batch_size=3))
    for doc, here in zip(docs, nlp.pipe(TEXTS), strict=True):
        np.testing.assert_allclose(doc.tensor, here.tensor, atol=1e-5)
        np.testing.assert_allclose(doc._.text_vector, here._.text_vector, atol=1e-5)


def test_a_saved_pipeline_opens_in_a_process_that_does_not_import_albertkit(
    nlp: Language, tmp_path: Path
) -> None:
    nlp.to_disk(tmp_path / "pipeline")
    program = "import spacy, sys; nlp = spacy.load(sys.argv[1]); print(nlp('a text').tensor.shape)"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "pipeline")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "(2, 32)\n", done.stderr


def test_an_open_embedder_is_a_component_too(embedder: TextEmbedder) -> None:
    doc = SpacyVectors(embedder)(spacy.blank("en")(TEXTS[0]))
    assert doc.tensor.shape == (len(doc), 32)
