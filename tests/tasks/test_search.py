"""Search against the slow, obvious way, and against sentence-transformers' quantized search."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tiny_models import save_tiny_vectors

from albertkit import Search, TextEmbedder, quantize_embeddings
from albertkit.arrays import Float64Array
from albertkit.errors import FormatError, InputError
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tables import Table, write_table
from albertkit.tables.readers.vector_files import is_vector_file
from albertkit.tasks import nearest
from albertkit.tasks.embed_job import EmbedJob
from albertkit.tasks.jobs.run_job import run_job, start_job
from albertkit.tasks.nearest import Corpus, find_nearest
from albertkit.tasks.options import EncodeOptions, VectorType

RNG = np.random.default_rng(6)
VECTORS = RNG.normal(size=(900, 24)).astype(np.float32)
QUERIES = RNG.normal(size=(5, 24)).astype(np.float32)
RANGES = np.stack([VECTORS.min(axis=0), VECTORS.max(axis=0)])
TEXTS = [
    "The library opens at nine.",
    "Tickets for children are free.",
    "Dogs must be kept on a lead in the park.",
    "The swimming pool closes at eight in the evening.",
]
KINDS: tuple[VectorType, ...] = ("float32", "float16", "int8", "uint8", "binary", "ubinary")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "BLOCK_ROWS", 64)
    monkeypatch.setattr(nearest.Corpus.blocks, "__defaults__", (64,))
    monkeypatch.setattr(nearest, "QUERIES", 3)


def rank(scores: npt.NDArray[Any], k: int) -> list[list[int]]:
    """The obvious way: sort everything, of equal scores the first."""
    return [np.argsort(-row, kind="stable")[:k].tolist() for row in scores]


def ids_of(results: Sequence[Sequence[dict[str, Any]]]) -> list[list[int]]:
    return [[hit["corpus_id"] for hit in hits] for hits in results]


def dequantize(kind: VectorType) -> Float64Array:
    steps = quantize_embeddings(VECTORS, "uint8", RANGES).astype(np.float64)
    if kind in ("int8", "uint8"):
        return steps * (RANGES[1] - RANGES[0]) / 255 + RANGES[0]
    return VECTORS.astype(np.float16 if kind == "float16" else np.float32).astype(np.float64)


@pytest.mark.parametrize("measure", ["cosine", "dot"])
@pytest.mark.parametrize("kind", ["float32", "float16", "int8", "uint8"])
def test_the_result_is_that_of_sorting_all_scores(kind: VectorType, measure: Any) -> None:
    search = Search(
        quantize_embeddings(VECTORS, kind, RANGES),
        corpus_precision=kind,
        ranges=RANGES,
        similarity=measure,
    )
    values = dequantize(kind)
    scores = QUERIES @ values.T
    if measure == "cosine":
        scores /= np.linalg.norm(QUERIES, axis=1)[:, None] * np.linalg.norm(values, axis=1)
    results = search(QUERIES, k=20)
    assert ids_of(results) == rank(scores, 20)
    expected = [row[ids] for row, ids in zip(scores, rank(scores, 20), strict=True)]
    ours = [[hit["score"] for hit in hits] for hits in results]
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


@pytest.mark.parametrize("dimensions", [8, 24, 20, 300])
@pytest.mark.parametrize("kind", ["binary", "ubinary"])
def test_bits_are_ranked_by_distance_and_then_by_the_query(
    kind: VectorType, dimensions: int
) -> None:
    vectors = RNG.normal(size=(400, dimensions)).astype(np.float32)
    queries = RNG.normal(size=(4, dimensions)).astype(np.float32)
    corpus = Corpus.of([quantize_embeddings(vectors, kind)], kind, dimensions)
    distances = ((queries > 0)[:, None] != (vectors > 0)[None]).sum(-1)
    candidates = rank(-distances, 30)
    expected = []
    for query, near in zip(queries, candidates, strict=True):
        rows = sorted(near)
        (best,) = rank(((vectors[rows] > 0) @ query)[None], 10)
        expected.append([rows[position] for position in best])
    ids, scores = find_nearest(corpus, queries, 10, rescore_multiplier=3)
    assert ids.tolist() == expected
    np.testing.assert_allclose(scores[0], (vectors[ids[0]] > 0) @ queries[0], rtol=1e-5, atol=1e-5)


def test_quantized_results_are_those_of_sentence_transformers() -> None:
    """Its own index is replaced by one that ranks as it says: the libraries are not needed."""
    from sentence_transformers.util.quantization import _dequantize_embeddings

    stored = quantize_embeddings(VECTORS, "int8", RANGES)
    theirs = QUERIES @ _dequantize_embeddings(stored, "int8", RANGES).T
    results = Search(stored, corpus_precision="int8", ranges=RANGES, similarity="dot")(QUERIES, k=7)
    assert ids_of(results) == rank(theirs, 7)


def test_int8_finds_what_float32_finds() -> None:
    """Recall@10 of 0.99 or more by default, over vectors in clusters, as those of texts are."""
    centers = RNG.normal(size=(40, 64))
    near = centers[RNG.integers(0, 40, 4050)] + RNG.normal(size=(4050, 64))
    vectors = near.astype(np.float32)
    queries, corpus = vectors[4000:], vectors[:4000]
    exact = ids_of(Search(corpus)(queries))
    results = ids_of(Search(corpus, scan_precision="int8")(queries))
    shared = [len({*mine} & {*wanted}) for mine, wanted in zip(results, exact, strict=True)]
    assert np.mean(shared) >= 9.9


@pytest.mark.parametrize("kind", ["float16", "int8", "ubinary"])
def test_candidates_of_a_smaller_copy_are_scored_by_the_vectors(
    kind: VectorType, tmp_path: Path
) -> None:
    np.save(tmp_path / "vectors.npy", VECTORS)
    search = Search(tmp_path / "vectors.npy", scan_precision=kind)
    assert isinstance(search.corpus.originals, Corpus)
    assert isinstance(search.corpus.originals.parts[0], np.memmap)
    assert search(QUERIES, k=9, rescore_multiplier=100) == Search(VECTORS)(QUERIES, k=9)
    few = search(QUERIES, k=9, rescore_multiplier=5)
    exact = Search(VECTORS)(QUERIES, k=9)
    shared = [len({*a} & {*b}) for a, b in zip(ids_of(few), ids_of(exact), strict=True)]
    assert sum(shared) >= {"float16": 45, "int8": 45, "ubinary": 20}[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_of_equal_scores_the_first_rows_come_first(kind: VectorType) -> None:
    repeated = np.concatenate([VECTORS[:3]] * 70)
    stored = quantize_embeddings(repeated, kind, RANGES)
    search = Search(stored, corpus_precision=kind, ranges=RANGES)
    (hits,) = search(VECTORS[1:2], k=75)
    assert ids_of([hits])[0][:70] == list(range(1, 210, 3))
    assert len({hit["score"] for hit in hits[:70]}) == 1


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=60), st.integers(1, 70), st.integers(1, 9))
def test_a_block_changes_nothing(values: list[int], k: int, rows: int) -> None:
    best = nearest.TopK(1, min(k, len(values)))
    scores = np.array(values, np.float32)[:, None]
    for begin in range(0, len(values), rows):
        part = scores[begin : begin + rows]
        best.add(np.arange(begin, begin + len(part)), part)
    assert best.ids.tolist() == rank(scores.T, k)


@pytest.mark.parametrize("measure", ["cosine", "dot"])
def test_large_numbers_are_found_in_a_copy_of_float16(measure: Any) -> None:
    vectors = VECTORS.copy()
    vectors[::7] *= 1e6  # float16 ends at 65,504
    expected = Search(vectors, similarity=measure)(QUERIES, k=20)
    copy = Search(vectors, scan_precision="float16", similarity=measure)
    assert ids_of(copy(QUERIES, k=20, rescore_multiplier=20)) == ids_of(expected)
    assert sorted(ids_of(copy(QUERIES[:1], k=900))[0]) == [*range(900)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_corpus_smaller_than_k_is_returned_whole(kind: VectorType) -> None:
    search = Search(
        quantize_embeddings(VECTORS, kind, RANGES)[:3], corpus_precision=kind, ranges=RANGES
    )
    assert sorted(ids_of(search(QUERIES[:1], k=100))[0]) == [0, 1, 2]


def test_the_memory_of_all_results_is_that_of_their_scores(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", np.repeat(VECTORS, 40, axis=0))  # 36,000, 3.5 MB
    corpus = Search(tmp_path / "vectors.npy").corpus
    tracemalloc.start()
    ids, scores = find_nearest(corpus, QUERIES[:1], len(corpus))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * (ids.nbytes + scores.nbytes)  # 4.3 MB; 10.4 MB are all vectors as float64
    assert sorted(ids[0].tolist()) == [*range(36_000)]
    assert (np.diff(scores[0]) <= 0).all()


def test_texts_are_embedded_and_returned() -> None:
    search = Search(TEXTS, columns={"page": [1, 1, 2, 3]})
    assert len(search) == 4
    hits = search("How much does a child pay?", k=2)
    assert [*hits[0]] == ["corpus_id", "score", "text", "page"]
    assert hits[0]["text"] == TEXTS[1]
    embedder = TextEmbedder()
    expected = embedder.similarity(
        embedder.encode("How much does a child pay?"), embedder.encode(TEXTS)
    )[0]
    assert hits[0]["score"] == pytest.approx(expected.max(), abs=1e-6)
    assert search(["How much does a child pay?"], k=2) == [hits]
    assert repr(search).startswith("Search(4 float32 vectors, ")


@pytest.mark.parametrize("chunk", [None, 12])
@pytest.mark.parametrize("kind", ["float32", "int8", "ubinary"])
def test_empty_texts_are_never_a_result(
    kind: VectorType, chunk: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    texts = ["", *TEXTS, " \n"]
    search = Search(texts, corpus_precision=kind, chunk=chunk, columns={"n": [*range(6)]})
    assert sorted({hit["n"] for hit in search("a ticket", k=20)}) == [1, 2, 3, 4]
    assert "2 of 6 texts are empty, the first is number 1" in caplog.text
    assert caplog.text.count("text-empty") == 1
    if chunk is None:
        without = Search(TEXTS, corpus_precision=kind)
        expected = [(hit["text"], hit["score"]) for hit in without("a ticket")]
        assert [(hit["text"], hit["score"]) for hit in search("a ticket")] == expected


def test_parts_are_those_of_the_embedder() -> None:
    texts = [" ".join(TEXTS), TEXTS[0]]
    embedder = TextEmbedder()
    search = Search(texts, embedder, chunk=16, overlap=4, columns={"title": ["a", "b"]})
    parts = embedder.chunk(texts, 16, overlap=4)
    vectors = embedder.encode(texts, chunk=16, overlap=4)
    rows = [(n + 1, k, *part) for n, own in enumerate(parts) for k, part in enumerate(own)]
    names = ("row", "part", "text", "start", "end", "title")
    ids = np.arange(len(search))
    cells = list(zip(*(search.cells(name, ids) for name in names), strict=True))
    assert cells == [(*row, "ab"[row[0] - 1]) for row in rows]
    np.testing.assert_allclose(search.corpus.rows(ids), np.concatenate(vectors), atol=1e-6)
    best = search("dogs on a lead", group_by="row")
    assert [hit["row"] for hit in best] == [1, 2]
    assert "Dogs" in best[0]["text"]


def test_columns_of_texts_are_read_as_lists_are() -> None:
    expected = Search(TEXTS)(["a child"], k=1)
    assert Search(np.array(TEXTS))(np.array(["a child"]), k=1) == expected
    import pyarrow

    assert Search(pyarrow.array(TEXTS))(pyarrow.array(["a child"]), k=1) == expected
    assert Search(TEXTS)([], k=1) == []


@pytest.mark.parametrize(
    "column",
    [
        np.array(["a", "b", "c", "d"]),
        np.array(["a", "b", "c", "d"], object),
        tuple("abcd"),
        SimpleNamespace(tolist=lambda: [*"abcd"]),  # as a column of pandas, which is no Sequence
    ],
)
def test_a_column_may_be_of_another_library(column: Any) -> None:
    for corpus in (TEXTS, VECTORS[:4]):
        search = Search(corpus, TextEmbedder() if corpus is TEXTS else None, columns={"x": column})
        assert search.cells("x", np.arange(4)) == [*"abcd"]


def test_numbers_of_numpy_are_numbers() -> None:
    cells = [np.int64(3), np.bool_(True), (np.float32(0.5), 2), np.array([1, 2])]
    search = Search(VECTORS[:4], columns={"x": cells})
    result = search.cells("x", np.arange(4))
    assert result == [3, True, [0.5, 2], [1, 2]]
    assert json.dumps(result) == "[3, true, [0.5, 2], [1, 2]]"


def test_finished_queries_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    search = Search(VECTORS, columns={"n": [*range(900)]})
    for group_by in (None, "n"):
        search(QUERIES, group_by=group_by, show_progress_bar=True)
        assert "5/5" in capsys.readouterr().err


def test_a_copy_finds_the_same() -> None:
    search = Search(TEXTS)
    assert pickle.loads(pickle.dumps(search))("a child") == search("a child")  # noqa: S301


def test_a_column_keeps_its_value_if_it_is_named_like_a_result() -> None:
    search = Search(VECTORS[:2], columns={"score": [7, 8]})
    assert search(VECTORS[1:2], k=1)[0][0]["score_"] == 8


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("lang=en", [0, 2, 4]),
        ("lang!=en", [1, 3, 5]),
        (["lang=en", "year>=2001"], [2, 4]),
        ("year<2001", [0]),
        ("year > 2003", [4, 5]),
        ("year<=2000.0", [0]),
        ("flag=TRUE", [0, 3]),
        ("lang=nl", []),
        ("lang==en", [0, 2, 4]),
        ("lang = 'en'", [0, 2, 4]),
        ('year>="2004"', [4, 5]),
        ("lang='", []),
        ("id=9007199254740993", [1, 3]),
        ("id>9007199254740992", [1, 3]),
        ("name=Nan", [0]),
        ("name=inf", [2]),
        ("size<5", [0, 5]),
        ("size>=1", [0, 2, 5]),
        ("size=", [1]),
        ("size!=1", [1, 2, 3, 4, 5]),
        ("score>1", [3, 5]),
        ("score<=1.5", [3]),
        ("score!=1.5", [0, 1, 2, 4, 5]),
        ("score=nan", []),
        (np.arange(6) % 2 == 1, [1, 3, 5]),
        ([False, True] * 3, [1, 3, 5]),
        ([], [*range(6)]),
    ],
)
def test_conditions_choose_rows(where: Any, rows: list[int]) -> None:
    columns = {
        "lang": ["en", "de", "en", None, "en", "de"],
        "year": ["2000", "2001", 2002, 2003, 2004, "2005"],
        "flag": [True, False, False, True, None, False],
        "id": [2**53, 2**53 + 1, "9007199254740992", str(2**53 + 1), 2.0, None],
        "name": ["Nan", "Nanny", "inf", "Infinity", None, "5"],
        "size": ["1", "", "7", " ", None, 3],
        "score": [np.nan, np.inf, -np.inf, 1.5, None, 2],
    }
    (hits,) = Search(VECTORS[:6], columns=columns)(QUERIES[:1], where=where)
    assert sorted(ids_of([hits])[0]) == rows


def test_a_group_is_shown_by_its_best_row() -> None:
    files = [f"file {number % 150}" for number in range(900)]
    files[:600] = ["long"] * 600
    search = Search(VECTORS, columns={"file": files})
    scores = (VECTORS / np.linalg.norm(VECTORS, axis=1)[:, None]) @ QUERIES[0]
    for k in (1, 5, 151, 200):
        best: dict[str, int] = {}
        for row in np.argsort(-scores, kind="stable").tolist():
            best.setdefault(files[row], row)
        (hits,) = search(QUERIES[:1], k=k, group_by="file")
        assert ids_of([hits])[0] == [*best.values()][:k]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("models") / "vectors"
    return str(save_tiny_vectors(path, PoolingConfig(max_length=40)))


def embed_into(directory: Path, model: str, shard_format: str = "npy", **options: Any) -> Path:
    rows = ({"text": f"{t} {n}", "page": n} for n, t in enumerate(TEXTS * 5))
    (directory / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    job = EmbedJob((str(directory / "texts.jsonl"),), model=model, shard_rows=9, **options)
    with start_job(job, directory / "out", shard_format=shard_format) as open_job:
        run_job(open_job)
    return directory / "out"


@pytest.mark.parametrize(
    ("shard_format", "kind"),
    [
        *(("npy", kind) for kind in KINDS),
        *(
            (shard_format, kind)
            for shard_format in ("jsonl", "jsonl.gz", "parquet", "arrow")
            for kind in ("float16", "int8")
        ),
    ],
)
def test_a_job_is_searched_in_any_format(
    shard_format: str, kind: VectorType, model: str, tmp_path: Path
) -> None:
    if shard_format in ("parquet", "arrow"):
        import pyarrow  # noqa: F401
    encode = EncodeOptions(precision=kind, truncate_dim=16)
    out = embed_into(tmp_path, model, shard_format, keep=("text", "page"), encode=encode)
    search = Search(out)
    assert (len(search), search.corpus.kind, search.corpus.dimensions) == (20, kind, 16)
    if shard_format == "npy":
        assert search.columns == ()
        return
    for page, text in ((4, TEXTS[0]), (15, TEXTS[3])):
        hit = search(f"{text} {page}", k=1, where=f"page>={page}")[0]
        assert (hit["corpus_id"], hit["page"], hit["text"]) == (page, page, f"{text} {page}")


def test_a_file_of_vectors_needs_a_model_for_texts(tmp_path: Path) -> None:
    path = tmp_path / "vectors.npy"
    TextEmbedder().encode(TEXTS, output=path)
    assert Search(path, TextEmbedder())("a child pays", k=1)[0]["corpus_id"] == 1
    assert Search(str(path), "small-en-vectors")("a child pays", k=1)[0]["corpus_id"] == 1
    with pytest.raises(InputError, match=r"\[option-invalid\]"):
        Search(path)("a child pays")


def test_an_index_of_another_model_type_or_input_is_refused(
    model: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = embed_into(tmp_path, model)
    with pytest.raises(InputError, match=r"made by the model .*\[index-differs\]"):
        Search(out, "small-en")
    with pytest.raises(InputError, match=r"not int8.*\[index-differs\]"):
        Search(out, corpus_precision="int8")
    assert not [r for r in caplog.records if "[index-outdated]" in r.message]
    (tmp_path / "texts.jsonl").write_text('{"text": "a"}\n')
    Search(out)
    assert "[index-outdated]" in caplog.text
    with pytest.raises(InputError, match=r"128 numbers.*\[index-differs\]"):
        Search(VECTORS.reshape(-1, 1)[:1280].reshape(-1, 128), TextEmbedder())


def test_rows_of_json_may_lack_a_key(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"n": 1}, {}, {"n": 3, "lang": "en"}]
    lines = (json.dumps({"vector": [n, 1], **row}) + "\n" for n, row in enumerate(rows))
    (tmp_path / "vectors.jsonl").write_text("".join(lines))
    search = Search(tmp_path / "vectors.jsonl")
    assert search.cells("n", np.arange(3)) == [1, None, 3]
    assert search.cells("lang", np.arange(3)) == [None, None, "en"]


@pytest.mark.parametrize("offset", [14, 21, 70, -6])
def test_a_damaged_gzip_is_one_line(offset: int, tmp_path: Path) -> None:
    line = json.dumps({"vector": QUERIES[0].tolist()}).encode() + b"\n"
    data = bytearray(gzip.compress(line * 3))
    data[offset] ^= 0xFF
    (tmp_path / "vectors.jsonl.gz").write_bytes(data)
    with pytest.raises(FormatError, match=r"\[file-malformed\]"):
        Search(tmp_path / "vectors.jsonl.gz")


@pytest.mark.parametrize("shard_format", ["jsonl", "npy", "parquet"])
def test_a_shard_of_invalid_rows_alone_hides_no_other(
    shard_format: str, model: str, tmp_path: Path
) -> None:
    lines = ['{"text": null}\n'] * 2 + [json.dumps({"text": text}) + "\n" for text in TEXTS]
    (tmp_path / "texts.jsonl").write_text("".join(lines))
    job = EmbedJob((str(tmp_path / "texts.jsonl"),), model=model, shard_rows=2, skip_invalid=True)
    with start_job(job, tmp_path / "out", shard_format=shard_format) as open_job:
        run_job(open_job)
    assert len(Search(tmp_path / "out")) == 4


@pytest.mark.parametrize("suffix", ["arrow", "parquet", "npy", "jsonl", "ARROW", "Parquet", "NPY"])
def test_a_name_need_not_be_utf8(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"v\xff." + suffix.encode())
    write_table(Table({"vector": VECTORS[:3]}), path)
    assert len(Search(path)) == 3
    assert is_vector_file(path) == (suffix != "jsonl")


def test_an_index_of_another_pooling_is_refused(model: str, tmp_path: Path) -> None:
    out = embed_into(tmp_path, model, pooling="cls")
    expected = Search(out)("a child pays", k=1)
    assert Search(out, TextEmbedder(model, pooling="cls"))("a child pays", k=1) == expected
    with pytest.raises(InputError, match=r"cls pooling.*mean.*\[index-differs\]"):
        Search(out, TextEmbedder(model))


def test_what_holds_no_vectors_is_refused(model: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\[file-not-found\]"):
        Search(tmp_path / "none")
    with pytest.raises(InputError, match=r"no _job.json.*\[index-invalid\]"):
        Search(tmp_path)
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match=r"\[index-invalid\]"):
        Search(tmp_path / "a.png")
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(FormatError, match=r"\[file-malformed\]"):
        Search(tmp_path / "a.npy")
    (tmp_path / "a.npy").write_bytes(b"")
    with pytest.raises(FormatError, match=r"the file is empty.*\[file-malformed\]"):
        Search(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.zeros((0, 8)))
    with pytest.raises(InputError, match=r"it has no rows.*\[index-invalid\]"):
        Search(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.zeros(3))
    with pytest.raises(InputError, match=r"shape \[3\].*\[index-invalid\]"):
        Search(tmp_path / "b.npy")
    for name, content in (
        ("a.jsonl", "{"),
        ("b.jsonl", '{"vector": [1]}\n{"vector": [1, 2]}'),
        ("d.jsonl", '{"vector": ["a"]}'),
        ("e.jsonl", '{"vector": [[1], [2]]}'),
        ("f.jsonl", '{"vector": []}'),
        ("g.jsonl", "[" * 100_000),
    ):
        (tmp_path / name).write_text(content)
        with pytest.raises(FormatError, match=r"\[file-malformed\]"):
            Search(tmp_path / name)
    (tmp_path / "c.jsonl").write_text("")
    with pytest.raises(InputError, match=r"it has no rows.*\[index-invalid\]"):
        Search(tmp_path / "c.jsonl")
    (tmp_path / "d.parquet").mkdir()
    assert not is_vector_file(tmp_path / "d.parquet")
    out = embed_into(tmp_path, model)
    (out / "part-00001.npy").unlink()
    with pytest.raises(InputError, match=r"file 1 is missing.*\[index-invalid\]"):
        Search(out)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: Search(VECTORS[0]), "inputs-shape"),
        (lambda: Search([]), "inputs-shape"),
        (lambda: Search(VECTORS, columns={"a": [1]}), "inputs-shape"),
        (lambda: Search(TEXTS, columns={"a": [1]}), "inputs-shape"),
        (lambda: Search(VECTORS, columns={"a": iter(VECTORS)}), "inputs-shape"),
        (lambda: Search(VECTORS, columns={"a": 5}), "inputs-shape"),
        (lambda: Search(TEXTS, columns={"start": [1, 2, 3, 4]}, chunk=12), "option-invalid"),
        (lambda: Search(["a", None]), "input-not-texts"),  # type: ignore[arg-type]
        (lambda: Search(text for text in TEXTS), "input-not-texts"),  # type: ignore[arg-type]
        (lambda: Search(["", " "]), "texts-missing"),
        (lambda: Search(VECTORS, chunk=12), "option-invalid"),
        (lambda: Search(VECTORS.astype(np.int8)), "option-invalid"),
        (lambda: Search(VECTORS.astype(np.float16), corpus_precision="int8"), "option-invalid"),
        (lambda: Search(VECTORS.astype(np.int8), corpus_precision="int8"), "ranges-missing"),
        (lambda: Search(VECTORS, corpus_precision="int7"), "option-invalid"),  # type: ignore[arg-type]
        (lambda: Search(VECTORS, scan_precision="bits"), "option-invalid"),  # type: ignore[arg-type]
        (lambda: Search(VECTORS)(QUERIES[:, :3]), "inputs-shape"),
        (lambda: Search(VECTORS)(QUERIES, k=0), "option-invalid"),
        (lambda: Search(VECTORS)(QUERIES * np.nan), "vectors-not-finite"),
        (lambda: Search(VECTORS)(QUERIES, where="a=1"), "column-missing"),
        (lambda: Search(VECTORS)(QUERIES, where="english"), "condition-invalid"),
        (lambda: Search(VECTORS)(QUERIES, where=np.ones(3, np.bool_)), "inputs-shape"),
        (lambda: Search(VECTORS)(QUERIES, where=[True] * 3), "inputs-shape"),
        (lambda: Search(VECTORS)(QUERIES, where=5), "inputs-shape"),  # type: ignore[call-overload]
        (lambda: Search(VECTORS)(QUERIES, where=[5]), "condition-invalid"),  # type: ignore[arg-type]
        (lambda: Search(VECTORS)(QUERIES, group_by="file"), "column-missing"),
    ],
)
def test_wrong_arguments_are_refused(call: Callable[[], object], code: str) -> None:
    with pytest.raises(InputError, match=rf"\[{code}\]"):
        call()


def test_a_long_query_is_cut_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    Search(TEXTS)("a long query " * 200)
    assert "[text-truncated]" in caplog.text


def test_vectors_that_are_not_finite_are_never_a_result() -> None:
    vectors = VECTORS[:90].copy()
    vectors[4, 2], vectors[70, 0] = np.nan, np.inf
    for kind in ("float32", "float16"):
        (hits,) = Search(vectors.astype(kind))(QUERIES[:1], k=90)
        assert {*range(90)} - {hit["corpus_id"] for hit in hits} == {4, 70}


@pytest.mark.parametrize("kind", ["int8", "uint8", "ubinary", "float16"])
def test_a_vector_that_is_not_finite_hides_no_other_in_a_smaller_copy(kind: VectorType) -> None:
    vectors = VECTORS[:90].copy()
    vectors[4, 2], vectors[70, 0] = np.nan, np.inf
    (hits,) = Search(vectors, scan_precision=kind)(QUERIES[:1], k=90)
    assert {*range(90)} - {hit["corpus_id"] for hit in hits} == {4, 70}
    for none in (vectors[:0], vectors[[4, 70]]):
        assert Search(none, scan_precision=kind)(QUERIES[:1]) == [[]]
