"""Score and time of a model that runs its shared layers fewer times, with a teacher and alone.

    python benchmarks/fewer_repetitions.py --data trec.parquet --text question [--rows 2000]

The built-in model is tuned with all repetitions; then its weights run fewer times, once learning
its logits and once beginning anew with the labels alone. Checkpoints are chosen by validation rows
of the training split; the test rows are only scored. Seconds and milliseconds are those of the
processor, with one thread: OMP_NUM_THREADS=1. The data has the columns "split" and "label".
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch

from albertkit import TextClassifier, TextEmbedder
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.probe import TextVectors, fit_probe
from albertkit.finetuning.race import ProbeModel
from albertkit.finetuning.scores import compute_score
from albertkit.finetuning.tune import TuningRun
from albertkit.finetuning.tune_probe import begin_at_probe
from albertkit.finetuning.tuning_model import TunedEncoder
from albertkit.finetuning.tuning_recipe import TuningConfig
from albertkit.training.devices import choose_training_device

VALID_ROWS = 400
MODEL = "small-en-vectors"


def read_examples(options: argparse.Namespace) -> tuple[Examples, Examples, Examples]:
    """Training, validation and test rows, drawn with a fixed seed."""
    table = pq.read_table(options.data)
    split = np.array(table["split"].to_pylist())
    rng = np.random.default_rng(0)

    def draw(name: str, count: int) -> Examples:
        rows = rng.permutation(np.flatnonzero(split == name))[:count]
        own = table.take(rows)
        labels = [str(label) for label in own["label"].to_pylist()]
        texts = own[options.text].to_pylist()
        return Examples("classification", texts, None, labels, rows + 1, name)

    both = draw("train", options.rows + VALID_ROWS)
    numbers = np.arange(len(both))
    train, valid = both.take(numbers[:-VALID_ROWS]), both.take(numbers[-VALID_ROWS:])
    return train, valid, draw(options.test, len(table))


def train_and_print(
    run: TuningRun,
    config: TuningConfig,
    name: str,
    folder: Path,
    test: Examples,
    *,
    teacher: TunedEncoder | None = None,
) -> TunedEncoder:
    """Print the score of the test rows, and the time of a text with OpenVINO in float32."""
    begin = time.process_time()
    tuned = run.train_seeds(config, folder / f"run of {name}", None, teacher)
    seconds = time.process_time() - begin
    if isinstance(tuned, str):
        raise AssertionError("there is no limit of time")
    tuned.write(folder / name, temperature=1.0)
    classifier = TextClassifier(folder / name, engine="openvino", precision="float32")
    classifier.predict(test.first[:32])  # compiles the model
    begin = time.process_time()
    classifier.predict(test.first)
    milliseconds = 1000 * (time.process_time() - begin) / len(test)
    score = compute_score(run.labels, test, tuned.predict(test))
    print(
        f"{name:<18} {score.value:.3f} ({score.low:.3f} to {score.high:.3f})"
        f"  trained in {seconds:.1f} s  {milliseconds:.2f} ms a text",
        flush=True,
    )
    return tuned


def main() -> None:
    """Print a line for each number of repetitions."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--text", default="text")
    parser.add_argument("--test", default="test")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=0, help="0: by the number of rows")
    options = parser.parse_args()
    torch.set_num_threads(1)
    train, valid, test = read_examples(options)
    labels = LabelSet.of(train)
    embedder = TextEmbedder(MODEL, truncation="off")
    vectors = TextVectors(embedder.encode(train.first), None)
    probe = ProbeModel(embedder, fit_probe(labels, train, vectors, np.arange(len(train)) % 5))
    run = TuningRun(
        base=embedder.model,
        labels=labels,
        train=train,
        valid=valid,
        row_weights=None,
        start=begin_at_probe(probe),
        report=lambda metrics: None,
        training_device=choose_training_device("cpu"),
    )
    whole = TuningConfig(max_steps=options.steps)
    layers = embedder.model.config.num_hidden_layers
    with tempfile.TemporaryDirectory() as folder:
        teacher = train_and_print(run, whole, f"{layers} repetitions", Path(folder), test)
        for count in [2**n for n in range(layers.bit_length() - 2, -1, -1)]:
            config = replace(whole, repetitions=count)
            train_and_print(
                run, config, f"{count} with its logits", Path(folder), test, teacher=teacher
            )
            train_and_print(
                run, replace(config, distillation=0.0), f"{count} alone", Path(folder), test
            )


if __name__ == "__main__":
    main()
