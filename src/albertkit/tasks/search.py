"""Search: the rows of texts, vectors, or a job's directory that are nearest to a query.

The search is exact: all vectors are compared (`nearest.py`). Bytes and bits are ranked by
sentence-transformers' definitions: bytes by what they stand for in their ranges; bits by their
distance, and then several times k rows by the query itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, Unpack, overload

import numpy as np
import numpy.typing as npt

from albertkit.arrays import BoolArray, FloatArray, Int64Array
from albertkit.errors import InputError
from albertkit.errors.arguments import check_choice, check_integer, check_keywords
from albertkit.errors.exceptions import count_noun
from albertkit.runtime import LoadKeywords
from albertkit.tables.table import convert_to_json_cells
from albertkit.tasks.embed import TextEmbedder
from albertkit.tasks.encode import ProgressLine
from albertkit.tasks.mining import read_vectors
from albertkit.tasks.nearest import Corpus, Measure, check_finite, find_nearest
from albertkit.tasks.options import VECTOR_TYPES, LongTextMode, VectorType
from albertkit.tasks.row_filter import check_column, filter_rows
from albertkit.tasks.search_rows import convert_to_texts, read_search_rows
from albertkit.tasks.search_texts import CorpusOptions

Hit: TypeAlias = dict[str, Any]
Where: TypeAlias = str | Sequence[str] | Sequence[bool] | BoolArray
ID, SCORE = "corpus_id", "score"  # sentence-transformers' names
MEASURES: tuple[Measure, ...] = ("cosine", "dot")
DEEPER: Final = 4  # times as many rows, if too few groups are among them


class Search:
    """Texts or vectors to search in.

    Attributes:
        corpus: The vectors.
        embedder: What encodes queries; None if there is no model.
        job: What the vectors of a job depend on; empty for others.

    Args:
        corpus: A list of texts, which are embedded now; vectors [N, D] (array or tensor); the path
            of a directory that `albertkit embed --output out/` wrote, or of a file of vectors.
        model: A TextEmbedder, or what it opens, for texts and queries. None: the model of the
            job; the built-in one for texts. Vectors without a model take only vectors as queries.
        columns: Name → one cell for each row, which are returned with the results: lists, arrays,
            or columns of pandas, polars or pyarrow.
        corpus_precision: The type of the vectors. None: what the job says, or float32 and float16
            as arrays have them; texts are embedded as float32.
        ranges: [2, D], the ranges of int8 and uint8 vectors. None: those of the job.
        scan_precision: Scan the vectors as smaller ones of this type, which are made now and kept
            in memory, and score only the candidates by the vectors themselves: with a mapped .npy
            file memory is a quarter (int8) or a 32nd (ubinary). None: scan the vectors.
        chunk: Cut texts into parts of at most this many ids, as in `TextEmbedder.encode`: each part
            has a row, with the columns "row" (the number of its text, from 1; with a column "file"
            it is left out), "part", "start", "end" and "text". None: texts are not cut.
        overlap: Pieces at most that a part shares with the one before it. None: 0, or the job's.
        markdown: Leave out Markdown's markup before texts are read.
        similarity: What ranks. None: the model's measure.
        show_progress_bar: As in `TextEmbedder.encode`, for a list of texts.
        truncation: As in TextEmbedder, if the model is opened here.
        **options: As in TextEmbedder: engine, device, precision …

    Empty texts are never a result, nor are vectors with NaN.

    Raises:
        InputError: [index-invalid], [index-differs], [option-invalid], [inputs-shape],
            [input-not-texts], [ranges-missing], [texts-missing], [chunk-too-large],
            [chunk-too-small], [overlap-too-large], and those of TextEmbedder.
        FormatError: [file-malformed].
        ResourceError: [extra-missing], [file-unreadable].
    """

    @check_keywords
    def __init__(
        self,
        corpus: Sequence[str] | npt.ArrayLike | str | Path,
        model: TextEmbedder | str | Path | None = None,
        *,
        columns: Mapping[str, Any] | None = None,
        corpus_precision: VectorType | None = None,
        ranges: npt.ArrayLike | None = None,
        scan_precision: VectorType | None = None,
        chunk: int | None = None,
        overlap: int | None = None,
        markdown: bool = False,
        similarity: Measure | None = None,
        show_progress_bar: bool | None = None,
        truncation: LongTextMode = "warn",
        **options: Unpack[LoadKeywords],
    ) -> None:
        check_choice("corpus_precision", corpus_precision, (None, *VECTOR_TYPES))
        check_choice("scan_precision", scan_precision, (None, *VECTOR_TYPES))
        check_choice("similarity", similarity, (None, *MEASURES))
        rows = read_search_rows(
            corpus,
            model,
            {} if columns is None else columns,
            CorpusOptions(corpus_precision, chunk, overlap, markdown),
            ranges,
            show_progress_bar=show_progress_bar,
            settings={**options, "truncation": truncation},
        )
        self.job: Mapping[str, Any] = rows.job
        self._parts = rows.parts
        self._truncate_dim = rows.truncate_dim
        self.embedder = rows.embedder
        self.corpus = Corpus.of(
            [part.vectors for part in rows.parts],
            rows.kind,
            rows.dimensions,
            similarity or self._measure(),
            rows.ranges,
        )
        if rows.empty is not None:
            self.corpus = self.corpus.without(rows.empty)
        if scan_precision is not None:
            self.corpus = self.corpus.scan_as(scan_precision)

    def __len__(self) -> int:
        return len(self.corpus)

    def __repr__(self) -> str:
        """The number of vectors, their type, and the model of the queries."""
        model = "vectors only" if self.embedder is None else repr(str(self.embedder.model.path))
        return f"Search({len(self):,} {self.corpus.kind} vectors, {model})"

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that results have."""
        return tuple(self._parts[0].columns)

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a str is a sequence of str, too
        self,
        queries: str,
        k: int = ...,
        *,
        where: Where | None = ...,
        group_by: str | Sequence[str] | None = ...,
        rescore_multiplier: int = ...,
        show_progress_bar: bool = ...,
    ) -> list[Hit]: ...
    @overload
    def __call__(
        self,
        queries: Sequence[str] | npt.ArrayLike,
        k: int = ...,
        *,
        where: Where | None = ...,
        group_by: str | Sequence[str] | None = ...,
        rescore_multiplier: int = ...,
        show_progress_bar: bool = ...,
    ) -> list[list[Hit]]: ...
    @check_keywords
    def __call__(
        self,
        queries: str | Sequence[str] | npt.ArrayLike,
        k: int = 10,
        *,
        where: Where | None = None,
        group_by: str | Sequence[str] | None = None,
        rescore_multiplier: int = 4,
        show_progress_bar: bool = False,
    ) -> Any:
        """Find the rows that are nearest to each query.

        Args:
            queries: One text, a list of texts, or vectors [Q, D].
            k: How many rows to find; with fewer rows all of them.
            where: Only rows that fulfil all conditions on their columns: "lang=en",
                ["year>=2000", "lang!=de"]; or a mask [N], a list or column of bools.
            group_by: A column, or several: only the best row of each of their values, such as the
                best part of each file.
            rescore_multiplier: For bits, and with scan_precision: this many times k rows are
                scored with the query's floats.
            show_progress_bar: Whether to count the finished queries on standard error.

        Returns:
            For one text a list of results, else a list of such lists. A result is a dict with
            "corpus_id" (the row, from 0), "score" and the row's columns; a column of one of these
            names gets "_" at its end. Best first; of equal scores the first rows.

        Raises:
            InputError: [option-invalid], [column-missing], [condition-invalid], [inputs-shape],
                [vectors-not-finite], and those of `TextEmbedder.encode`.
        """
        k = check_integer("k", k)
        multiplier = check_integer("rescore_multiplier", rescore_multiplier)
        mask = self._mask(where)
        names = [group_by] if isinstance(group_by, str) else list(group_by or ())
        for name in names:
            check_column(name, self.columns)
        vectors = self._query_vectors(queries)
        progress = ProgressLine(len(vectors), unit=" queries") if show_progress_bar else None
        rows = []
        if not names:
            ids, scores = find_nearest(
                self.corpus,
                vectors,
                k,
                mask=mask,
                rescore_multiplier=multiplier,
                progress=progress,
            )
            rows = list(zip(ids, scores, strict=True))
        for vector in vectors if names else ():
            rows.append(self._best_of_groups(vector, k, names, mask, multiplier))
            if progress is not None:
                progress(1)
        if progress is not None:
            progress.close()
        results = [self._hits(*row) for row in rows]
        return results[0] if isinstance(queries, str) else results

    def cells(self, name: str, ids: Int64Array) -> list[Any]:
        """Some cells of a column.

        Args:
            name: The column's name.
            ids: The rows, from 0.

        Returns:
            The cells as values of JSON.
        """
        offsets = np.cumsum([0, *(len(part.vectors) for part in self._parts)])
        part_numbers = np.searchsorted(offsets, ids, side="right") - 1
        cells: list[Any] = []
        for row, number in zip(
            (ids - offsets[part_numbers]).tolist(), part_numbers.tolist(), strict=True
        ):
            cells += convert_to_json_cells(self._parts[number].columns[name][row : row + 1])
        return cells

    def _best_of_groups(
        self,
        query: FloatArray,
        k: int,
        names: Sequence[str],
        mask: BoolArray | None,
        multiplier: int,
    ) -> tuple[Int64Array, FloatArray]:
        """The best row of each of the k best groups: as many rows as it takes to see k groups."""
        depth = k
        while True:
            depth *= DEEPER
            ids, scores = find_nearest(
                self.corpus, query[None], depth, mask=mask, rescore_multiplier=multiplier
            )
            ids, scores = ids[0], scores[0]
            first: dict[tuple[str, ...], int] = {}
            columns = [map(str, self.cells(name, ids)) for name in names]
            for position, cells in enumerate(zip(*columns, strict=True)):
                first.setdefault(cells, position)
            if len(first) >= k or len(ids) < depth:
                best = list(first.values())[:k]
                return ids[best], scores[best]

    def _hits(self, ids: Int64Array, scores: FloatArray) -> list[Hit]:
        ids, scores = ids[ids >= 0], scores[ids >= 0]
        columns = {
            f"{name}_" if name in (ID, SCORE) else name: self.cells(name, ids)
            for name in self.columns
        }
        rows = zip(ids.tolist(), scores.tolist(), strict=True)
        return [
            {ID: row, SCORE: score, **{name: cells[n] for name, cells in columns.items()}}
            for n, (row, score) in enumerate(rows)
        ]

    def _mask(self, where: Where | None) -> BoolArray | None:
        if where is None:
            return None
        if isinstance(where, str) or (isinstance(where, Sequence) and not _are_bools(where)):
            return filter_rows(where, self.columns, self._read_cells)  # type: ignore[arg-type]  # no mask
        mask = np.asarray(where)
        if mask.dtype != np.bool_ or mask.shape != (len(self),):
            raise InputError(
                "inputs-shape",
                f"where has {mask.dtype} of the shape {list(mask.shape)}",
                why=f"there are {count_noun(len(self), 'row')}",
                fix="Give one bool for each row, or conditions such as 'lang=en'",
            )
        return mask

    def _read_cells(self, name: str) -> Iterator[object]:
        for part in self._parts:
            yield from convert_to_json_cells(part.columns[name])

    def _query_vectors(self, queries: object) -> FloatArray:
        texts = [queries] if isinstance(queries, str) else convert_to_texts(queries)
        if texts is not None:
            if self.embedder is None:
                raise InputError(
                    "option-invalid",
                    "the query is a text, and there is no model",
                    why="the corpus was given as vectors",
                    fix="Give --model, the one that made the vectors (in Python: model=)",
                )
            vectors = self.embedder.encode_query(texts, truncate_dim=self._truncate_dim)
        else:
            vectors = read_vectors(queries, "queries")  # type: ignore[arg-type]  # it is checked
        if len(vectors) and vectors.shape[1] != self.corpus.dimensions:
            raise InputError(
                "inputs-shape",
                f"a query has {vectors.shape[1]} numbers",
                why=f"it is compared with vectors of {self.corpus.dimensions}",
                fix="Take queries of the model that made the vectors",
            )
        check_finite(vectors, "query")
        return np.ascontiguousarray(vectors, np.float32)

    def _measure(self) -> Measure:
        measure = "cosine" if self.embedder is None else self.embedder.similarity_fn_name
        for known in MEASURES:
            if measure == known:
                return known
        raise InputError(
            "option-invalid",
            f"the model's similarity is {measure}",
            why=f"vectors are ranked by {' or '.join(MEASURES)}",
            fix='Search with another model, or in Python with similarity="cosine", which for '
            "vectors of length 1 gives the same order",
        )


def _are_bools(items: Sequence[object]) -> bool:
    """Whether a list is a mask."""
    return bool(items) and all(isinstance(item, bool | np.bool_) for item in items)
