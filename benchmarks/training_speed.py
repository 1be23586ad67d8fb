"""Tokens per second of one pretraining step: ours, and transformers' AlbertForPreTraining.

    python benchmarks/training_speed.py [--shapes 256x4 312x6 384x12] [--rounds 3] [--threads 2]
        [--processor-time] [--keep-memory] [--no-compiled]

Both models see the same sequences: ours packed end to end, transformers' in padded rows in a
plain loop (forward, backward, clipping, AdamW), each in float32 and under bfloat16 autocast. All
contestants of a shape are measured in turn (A B C, A B C), so that a busy machine slows all of
them; the ratio to transformers in the same precision is the median over rounds. "useful GFLOP/s"
counts three times the products of the encoder, the attention and the head at masked slots; ours
computes most of the last layer at few slots, and all of it is counted.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import cycle

import numpy as np
import torch
from torch import Tensor
from transformers import AlbertConfig as TheirConfig
from transformers import AlbertForPreTraining

from albertkit.pretraining.batches import BatchShape, PretrainingBatch, make_batch
from albertkit.pretraining.losses import PackedPretraining
from albertkit.pretraining.masking import MaskingVocabulary
from albertkit.pretraining.sentence_order import Sequence
from albertkit.pretraining.sequence_packing import pack_rows
from albertkit.spec import AlbertConfig, parameter_table
from albertkit.spec.heads import IGNORED_LABEL
from albertkit.tokenization.vocabulary import SpecialIds
from albertkit.training.devices import TrainingDevice, keep_freed_memory
from albertkit.training.loop import StepResult
from albertkit.training.optimizers import make_optimizer
from albertkit.training.recipe import TrainingConfig

HEADS = {256: 4, 312: 12, 384: 6}
VOCABULARY, EMBEDDING, WIDTH, ROWS, BATCHES = 30_000, 128, 128, 32, 4
SPECIAL_IDS = SpecialIds(pad=0, unk=1, cls=2, sep=3, mask=4)

Step = Callable[[], int]  # takes one step of the optimizer, returns its real tokens


def sequences(count: int) -> list[Sequence]:
    """Random sequences: nine of ten full, the others of any length, as google's code makes them."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        length = WIDTH if rng.random() < 0.9 else int(rng.integers(16, WIDTH + 1))
        ids = rng.integers(5, VOCABULARY, length).astype(np.int32)
        cut = length // 2
        ids[0], ids[cut], ids[-1] = SPECIAL_IDS.cls, SPECIAL_IDS.sep, SPECIAL_IDS.sep
        types = (np.arange(length) > cut).astype(np.int32)
        made.append(Sequence(ids, types, int(rng.random() < 0.5)))
    return made


def make_packed_batches() -> list[PretrainingBatch]:
    """Batches of ROWS rows of WIDTH slots."""
    is_special = np.arange(VOCABULARY) < 5
    ordinary = np.arange(5, VOCABULARY, dtype=np.int32)
    vocabulary = MaskingVocabulary(SPECIAL_IDS, ~is_special, is_special, ordinary)
    shape = BatchShape(ROWS, WIDTH)
    layouts = pack_rows(iter(sequences((BATCHES + 5) * ROWS)), ROWS, WIDTH, shape.max_sequences)
    rng = np.random.default_rng(1)
    return [make_batch(next(layouts), shape, vocabulary, rng) for _ in range(BATCHES)]


def pad_sequences(batch: PretrainingBatch) -> dict[str, Tensor]:
    """The sequences of a packed batch, each in a row of its own."""
    count = int(batch.segment_ids.max()) + 1
    flat_labels = np.full(batch.ids.size, IGNORED_LABEL)
    counted = batch.labels != IGNORED_LABEL
    flat_labels[batch.masked[counted]] = batch.labels[counted]
    rows = {
        name: np.full((count, WIDTH), filling)
        for name, filling in (("input_ids", 0), ("token_type_ids", 0), ("attention_mask", 0))
    }
    labels = np.full((count, WIDTH), IGNORED_LABEL)
    for n in range(count):
        slots = np.flatnonzero(batch.segment_ids.ravel() == n)
        rows["input_ids"][n, : len(slots)] = batch.ids.ravel()[slots]
        rows["token_type_ids"][n, : len(slots)] = batch.type_ids.ravel()[slots]
        rows["attention_mask"][n, : len(slots)] = 1
        labels[n, : len(slots)] = flat_labels[slots]
    tensors = {name: torch.from_numpy(array) for name, array in rows.items()}
    tensors["labels"] = torch.from_numpy(labels)
    tensors["sentence_order_label"] = torch.from_numpy(batch.orders[:count])
    return tensors


def our_step(shape: tuple[int, int], dtype: torch.dtype, *, is_compiled: bool) -> Step:
    """One step as the trainer takes it."""
    hidden, layers = shape
    config = AlbertConfig(
        vocab_size=VOCABULARY,
        embedding_size=EMBEDDING,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=HEADS[hidden],
        intermediate_size=4 * hidden,
    )
    model = PackedPretraining(config)
    if is_compiled:
        model.albert.encoder.compile_layers()
    table = parameter_table(config, ("masked_lm", "sentence_order"))
    settings = TrainingConfig(max_steps=1, learning_rate=1e-4)
    optimizer = make_optimizer(model.canonical_parameters(), table.decaying, (), settings)
    training_device = TrainingDevice(torch.device("cpu"), dtype)
    batches = cycle(make_packed_batches())

    def step() -> int:
        batch = next(batches)
        with training_device.autocast():
            result: StepResult = model(batch)
        result.loss.backward()  # type: ignore[no-untyped-call]  # torch's own signature
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return batch.tokens

    return step


def their_step(shape: tuple[int, int], dtype: torch.dtype) -> Step:
    """One step of transformers' model in a plain loop."""
    hidden, layers = shape
    config = TheirConfig(
        vocab_size=VOCABULARY,
        embedding_size=EMBEDDING,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=HEADS[hidden],
        intermediate_size=4 * hidden,
    )
    model = AlbertForPreTraining(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    training_device = TrainingDevice(torch.device("cpu"), dtype)
    batches = cycle((pad_sequences(batch), batch.tokens) for batch in make_packed_batches())

    def step() -> int:
        batch, tokens = next(batches)
        with training_device.autocast():
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return tokens

    return step


def useful_flops(shape: tuple[int, int]) -> float:
    """Floating-point operations that one real token needs, forward and backward."""
    hidden, layers = shape
    encoder = layers * (24 * hidden**2 + 4 * WIDTH * hidden) + 2 * EMBEDDING * hidden
    return 3 * (encoder + 0.15 * 2 * EMBEDDING * (VOCABULARY + hidden))


def measure(
    shape: tuple[int, int],
    rounds: int,
    steps: int,
    clock: Callable[[], float],
    *,
    with_compiled: bool,
) -> None:
    """Print the medians of all contestants of one shape."""
    contestants: dict[tuple[str, str], Step] = {
        ("transformers", "float32"): their_step(shape, torch.float32),
        ("transformers", "bfloat16"): their_step(shape, torch.bfloat16),
        ("albertkit", "float32"): our_step(shape, torch.float32, is_compiled=False),
        ("albertkit", "bfloat16"): our_step(shape, torch.bfloat16, is_compiled=False),
    }
    if with_compiled:
        for precision, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
            contestants["albertkit compiled", precision] = our_step(shape, dtype, is_compiled=True)
    for step in contestants.values():  # the first steps compile and allocate
        step()
        step()
    rates: dict[tuple[str, str], list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, step in contestants.items():
            start = clock()
            tokens = sum(step() for _ in range(steps))
            rates[name].append(tokens / (clock() - start))
    for (library, precision), values in rates.items():
        base = rates["transformers", precision]
        ratio = statistics.median(a / b for a, b in zip(values, base, strict=True))
        rate = statistics.median(values)
        print(
            f"H {shape[0]} L {shape[1]}  {library:19s} {precision:9s}{rate:8,.0f} tokens/s"
            f"  ×{ratio:.2f}{rate * useful_flops(shape) / 1e9:6.0f} useful GFLOP/s",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=["256x4", "312x6", "384x12"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="count seconds of the processor: on a busy machine, with --threads 1",
    )
    parser.add_argument(
        "--keep-memory",
        action="store_true",
        help="keep freed memory, as the commands do; for all contestants",
    )
    parser.add_argument("--no-compiled", action="store_true", help="leave out torch.compile")
    options = parser.parse_args()
    if options.keep_memory:
        keep_freed_memory()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.processor_time else time.perf_counter
    for shape in options.shapes:
        hidden, layers = map(int, shape.split("x"))
        measure(
            (hidden, layers),
            options.rounds,
            options.steps,
            clock,
            with_compiled=not options.no_compiled,
        )


if __name__ == "__main__":
    main()
