"""Pack many texts into few rows, so that almost no slot computes padding.

Input: the lengths of the texts. Output: layouts, each one call of an engine; `pack` fills one with
ids. Texts of many lengths are put one after another in rows of a few widths; a slot attends only to
slots of its own text, so the other texts of the row change nothing.

The longest text goes first, each into the tightest gap of any open row; a new row, of the smallest
width that holds the text, is opened only if there is no gap. 160 texts of mixed lengths fill 98 %
of the slots so, and 88 % if each gets a row of its own width (benchmarks/packing.py).

An engine that needs no rows gets all texts of a call in one row, so nothing is searched.

The functions `compute_…` run an engine on a whole list: plan, pack, run, and restore the order of
the list. `slots` is the most that one call of the engine gets (None: what suits the engine), and
`progress` is called after each with the number of its texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from albertkit.arrays import FloatArray, Int32Array, Int64Array
from albertkit.engine.pooling import make_pooling_request, pool
from albertkit.engine.protocol import (
    Engine,
    OutputRequest,
    PackedBatch,
    Spans,
    SpanSearch,
    require_output,
)
from albertkit.errors import InputError
from albertkit.spec import head
from albertkit.spec.pooling_config import Poolings
from albertkit.tokenization.encodings import Encodings

SLOTS = 512  # of one call: 2048 are no faster (benchmarks/tried.py), and hold four times as much
NARROWEST_ROW = 64  # slots of a long list's narrowest rows: narrower ones fill badly
WIDTH_STEP = 32  # between a long list's widths: attention stays cheap, and shapes stay few
# Rows wider than WIDE are cut to what is used, in steps of CUT: paragraphs alone fill 95 % of the
# slots for 93 (benchmarks/packing.py, tried.py); narrower ones, cut, would make small calls.
WIDE = 128
CUT = 16
# Tokens in all, below which one call takes them in rows as narrow as they are.
SHORT_LIST_TOKENS = 256
FINE_WIDTH_STEP = 8
# A text alone has a row of just its length up to here: a row of 16 for 9 tokens takes a quarter
# longer (benchmarks/tried.py), a new shape a few milliseconds, once (benchmarks/kept_shapes.py).
EXACT = 64
WIDER = 3  # times the longest text: wider rows were hardly ever cheaper
# In slots: the cost of the products of a layer, relative to attention to one slot, 6·H, at H = 256.
PRODUCTS_COST = 1536


@dataclass(frozen=True, slots=True)
class Layout:
    """The texts of one call: their numbers, row by row, left to right."""

    width: int
    rows: tuple[tuple[int, ...], ...]

    @property
    def texts(self) -> Int64Array:
        """The numbers [N] of the texts, in the order of the batch.

        `result[layout.texts] = vectors` restores the order of the list.
        """
        return np.array([text for row in self.rows for text in row], np.int64)

    @property
    def slots(self) -> int:
        """The number of slots of the call."""
        return self.width * len(self.rows)


def plan(lengths: Iterable[int], *, slots: int = SLOTS) -> list[Layout]:
    """Divide texts into calls of an engine.

    Args:
        lengths: Ids of each text.
        slots: Slots of a call at most; a longer text gets a call of its own.

    Returns:
        Layouts that hold every text once, the widest rows first.

    Raises:
        InputError: [encoding-empty].
    """
    sizes = _check_sizes(lengths)
    if not sizes:
        return []
    if len(sizes) == 1:
        return [Layout(_choose_width(sizes[0]), ((0,),))]
    if sum(sizes) < SHORT_LIST_TOKENS:
        return [_plan_narrow_rows(sizes)]
    by_width: dict[int, list[tuple[int, ...]]] = {}
    for width, row in _fit_texts(sizes, NARROWEST_ROW, WIDTH_STEP):
        used = width if width <= WIDE else _round_up(sum(sizes[text] for text in row), CUT)
        by_width.setdefault(used, []).append(row)
    layouts = []
    for width, rows in sorted(by_width.items(), reverse=True):
        step = max(1, slots // width)
        layouts += [
            Layout(width, tuple(rows[begin : begin + step])) for begin in range(0, len(rows), step)
        ]
    return layouts


def plan_unpadded(lengths: Iterable[int], *, tokens: int) -> list[Layout]:
    """Divide texts into calls of an engine that needs no rows: one row a call, without gaps.

    Args:
        lengths: Ids of each text.
        tokens: Tokens of a call at most; a longer text gets a call of its own.

    Returns:
        Layouts that hold every text once, the longest texts first.

    Raises:
        InputError: [encoding-empty].
    """
    sizes = _check_sizes(lengths)
    layouts: list[Layout] = []
    row: list[int] = []
    used = 0
    for text in sorted(range(len(sizes)), key=lambda text: -sizes[text]):
        if row and used + sizes[text] > tokens:
            layouts.append(Layout(used, (tuple(row),)))
            row, used = [], 0
        row.append(text)
        used += sizes[text]
    return [*layouts, Layout(used, (tuple(row),))] if row else layouts


def choose_slots(engine: Engine) -> int:
    """The slots of a call that suit an engine."""
    return engine.tokens_per_call or SLOTS


def pack(encodings: Encodings, layout: Layout) -> PackedBatch:
    """Fill the rows of a layout; text n of the batch is `layout.texts[n]`."""
    texts = layout.texts  # [N]
    if len(texts) == 1:
        begin, end = encodings.offsets[texts[0]], encodings.offsets[texts[0] + 1]
        return pack_single(encodings.ids[begin:end], encodings.type_ids[begin:end], layout.width)
    lengths = encodings.lengths[texts]  # [N]
    offsets = np.concatenate(([0], np.cumsum(lengths)))  # [N + 1]
    positions = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)  # [T]

    R, W = len(layout.rows), layout.width
    counts = np.array([len(row) for row in layout.rows])  # [R] texts of each row
    row_of = np.repeat(np.arange(R), counts)  # [N]
    row_starts = offsets[np.cumsum(counts) - counts]  # [R] tokens in the rows above
    slots = np.repeat(row_of * W + offsets[:-1] - row_starts[row_of], lengths) + positions  # [T]
    sources = number_tokens(encodings, layout)  # [T]

    def fill_rows(values: Int32Array | Int64Array, empty: int) -> Int32Array:
        rows = np.full(R * W, empty, np.int32)
        rows[slots] = values
        return rows.reshape(R, W)

    return PackedBatch(
        ids=fill_rows(encodings.ids[sources], 0),
        type_ids=fill_rows(encodings.type_ids[sources], 0),
        positions=fill_rows(positions, 0),
        segment_ids=fill_rows(np.repeat(np.arange(len(texts)), lengths), -1),
        slots=slots,
        offsets=offsets,
    )


def pack_single(ids: Int32Array, type_ids: Int32Array, width: int) -> PackedBatch:
    """Put one text [S] into a row of `width`."""
    S = len(ids)
    kept, types, positions, segment_ids = np.zeros((4, 1, width), np.int32)
    kept[0, :S], types[0, :S], positions[0, :S] = ids, type_ids, np.arange(S)
    segment_ids[0, S:] = -1
    return PackedBatch(kept, types, positions, segment_ids, np.arange(S), np.array([0, S]))


def number_tokens(encodings: Encodings, layout: Layout) -> Int64Array:
    """The index [T] in `encodings.ids` of each token of the batch."""
    texts = layout.texts
    lengths = encodings.lengths[texts]  # [N]
    before = np.cumsum(lengths) - lengths  # [N] tokens of the texts before
    return np.repeat(encodings.offsets[texts] - before, lengths) + np.arange(lengths.sum())


def _check_sizes(lengths: Iterable[int]) -> list[int]:
    """The lengths, none of which may be 0."""
    sizes = [int(length) for length in lengths]
    for text, size in enumerate(sizes):
        if size < 1:
            raise InputError(
                "encoding-empty",
                f"encoding {text} has no ids",
                why="even an empty text has [CLS] and [SEP]",
                fix="Tokenize with special tokens, or leave the text out",
            )
    return sizes


def _choose_width(size: int) -> int:
    return (
        size
        if size <= EXACT
        else _round_up(size, WIDTH_STEP if size > SHORT_LIST_TOKENS else FINE_WIDTH_STEP)
    )


def _plan_narrow_rows(sizes: list[int]) -> Layout:
    """All texts in one call, with the width that costs least."""
    narrowest = _round_up(max(sizes), FINE_WIDTH_STEP)
    widest = min(_round_up(sum(sizes), FINE_WIDTH_STEP), WIDER * narrowest)
    layouts = [
        Layout(width, tuple(row for _, row in _fit_texts(sizes, width, FINE_WIDTH_STEP)))
        for width in range(narrowest, widest + 1, FINE_WIDTH_STEP)
    ]
    return min(layouts, key=lambda layout: layout.slots * (PRODUCTS_COST + layout.width))


def _fit_texts(sizes: list[int], narrowest: int, step: int) -> list[tuple[int, tuple[int, ...]]]:
    """Rows as (width, numbers of their texts); widths are multiples of `step` from `narrowest`."""
    rows: list[tuple[int, list[int]]] = []
    open_rows: dict[int, list[int]] = {}  # room left → the rows that have it
    rooms = 0  # bit r is set if open_rows[r] is not empty: the tightest gap is the lowest bit
    for text in sorted(range(len(sizes)), key=lambda text: -sizes[text]):
        size = sizes[text]
        if fitting := rooms >> size:
            room = size + (fitting & -fitting).bit_length() - 1
            row = open_rows[room].pop()
            if not open_rows[room]:
                rooms ^= 1 << room
        else:
            room, row = max(narrowest, _round_up(size, step)), len(rows)
            rows.append((room, []))
        rows[row][1].append(text)
        if left := room - size:
            open_rows.setdefault(left, []).append(row)
            rooms |= 1 << left
    return [(width, tuple(texts)) for width, texts in rows]


def _round_up(size: int, step: int) -> int:
    """The smallest multiple of `step` that is at least `size`."""
    return -(-size // step) * step


Progress = Callable[[int], None]


def compute_text_vectors(
    engine: Engine,
    encodings: Encodings,
    pooling: Poolings,
    *,
    prompt_length: int = 0,
    slots: int | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """Compute one vector a text [N, H]; [N, K·H] of K kinds of pooling; arguments as of `pool`."""
    request = make_pooling_request(pooling)
    width = engine.config.hidden_size * (len(pooling) if isinstance(pooling, tuple) else 1)
    vectors = np.empty((len(encodings), width), np.float32)
    for layout, batch in _pack_batches(engine, encodings, slots, progress):
        outputs = engine.run(batch, request)
        vectors[layout.texts] = pool(outputs, batch.offsets, pooling, prompt_length)
    return vectors


def compute_token_vectors(
    engine: Engine,
    encodings: Encodings,
    *,
    slots: int | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """Compute one vector a token [T, H]; text n owns those from encodings.offsets[n] on."""
    vectors = np.empty((len(encodings.ids), engine.config.hidden_size), np.float32)
    for layout, batch in _pack_batches(engine, encodings, slots, progress):
        outputs = engine.run(batch, OutputRequest(tokens=True))
        vectors[number_tokens(encodings, layout)] = require_output(outputs.tokens)
    return vectors


def compute_mlm_logits(
    engine: Engine,
    encodings: Encodings,
    tokens: Int64Array,
    *,
    slots: int | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """Compute the logits [P, V] of every piece for the tokens [P], ascending numbers of 0 … T-1."""
    logits = np.empty((len(tokens), engine.config.vocab_size), np.float32)
    for layout, batch in _pack_batches(engine, encodings, slots, progress):
        numbers = number_tokens(encodings, layout)  # of this batch
        masked = np.flatnonzero(np.isin(numbers, tokens))
        if not len(masked):
            continue
        outputs = engine.run(batch, OutputRequest(mlm_tokens=masked))
        logits[np.searchsorted(tokens, numbers[masked])] = require_output(outputs.mlm_logits)
    return logits


def compute_head_logits(
    engine: Engine,
    encodings: Encodings,
    name: str,
    *,
    slots: int | None = None,
    progress: Progress | None = None,
) -> FloatArray:
    """Compute the logits of the linear head `name`: [N, C] of texts, or [T, C] of tokens."""
    spec = head(name)
    is_per_token = spec.reads == "tokens"
    count = len(encodings.ids) if is_per_token else len(encodings)
    logits = np.empty((count, spec.width(engine.config)), np.float32)
    for layout, batch in _pack_batches(engine, encodings, slots, progress):
        rows = number_tokens(encodings, layout) if is_per_token else layout.texts
        outputs = engine.run(batch, OutputRequest(head=name))
        logits[rows] = require_output(outputs.head_logits)
    return logits


def compute_spans(
    engine: Engine,
    encodings: Encodings,
    search: SpanSearch,
    *,
    slots: int | None = None,
    progress: Progress | None = None,
) -> Spans:
    """Search the likeliest answers of each text; `search.is_excluded` is of all tokens [T]."""
    layouts, parts = [], []
    for layout, batch in _pack_batches(engine, encodings, slots, progress):
        excluded = search.is_excluded
        if excluded is not None:
            excluded = excluded[number_tokens(encodings, layout)]
        outputs = engine.run(batch, OutputRequest(spans=replace(search, is_excluded=excluded)))
        if outputs.spans is None:
            raise AssertionError("spans were requested, and the engine did not return them")
        layouts.append(layout.texts)
        parts.append(outputs.spans)
    order = np.argsort(np.concatenate(layouts))  # [N]
    return Spans(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])[order]
            for field in fields(Spans)
        )
    )


def _pack_batches(
    engine: Engine, encodings: Encodings, slots: int | None, progress: Progress | None
) -> Iterator[tuple[Layout, PackedBatch]]:
    """All texts in packed batches; progress is called when the next batch is taken."""
    lengths, most = encodings.lengths, slots or choose_slots(engine)
    is_unpadded = engine.tokens_per_call is not None
    for layout in plan_unpadded(lengths, tokens=most) if is_unpadded else plan(lengths, slots=most):
        batch = pack(encodings, layout)
        yield layout, batch
        if progress is not None:
            progress(len(batch.offsets) - 1)
