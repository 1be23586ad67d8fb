"""Full tuning: processor seconds, peak memory and score of ours and of transformers' Trainer.

    python benchmarks/tuning_speed.py --data agnews.parquet [--text text] [--rows 640] [--epochs 1]

Both begin with the same weights, head included, and take the same steps of the same batch size on
the same rows, with AdamW, warm-up and linear decay; the order of rows differs. Each runs in a
process of its own, so that the peak is its own; they take turns over the precisions. Seconds are
those of the processor with one thread, which a busy machine changes least, and of the training
alone. The data has the columns "split" (train and test) and "label"; Trainer pads each batch to its
longest text, and gets token type ids.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from albertkit import load
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.scores import compute_score
from albertkit.finetuning.tune import TunedEncoder, make_model, tune
from albertkit.finetuning.tuning_batches import make_rows
from albertkit.finetuning.tuning_recipe import TuningConfig

RATE, BATCH, LENGTH = 2e-4, 32, 128


def read_examples(options: argparse.Namespace, split: str, count: int) -> Examples:
    """Rows of a split, drawn with a fixed seed."""
    table = pq.read_table(options.data)
    rows = np.flatnonzero(np.array(table["split"].to_pylist()) == split)
    rows = np.random.default_rng(0).permutation(rows)[:count]
    own = table.take(rows)
    labels = [str(label) for label in own["label"].to_pylist()]
    return Examples("classification", own[options.text].to_pylist(), None, labels, rows + 1, split)


def tune_ours(options: argparse.Namespace, train: Examples, test: Examples) -> dict[str, float]:
    """Our loop; the validation rows are few, so that their cost is not counted as training."""
    labels = LabelSet.of(train)
    base = load(options.base)
    config = TuningConfig(
        learning_rate=RATE,
        batch_size=BATCH,
        epochs=options.epochs,
        max_seq_length=LENGTH,
        seeds=1,
        classifier_dropout=0.0,
        precision=options.precision,
    )
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        tuned = tune(
            base, labels, train, train.take(np.arange(8)), config=config, directory=Path(folder)
        )
    seconds = time.process_time() - begin
    if isinstance(tuned, str):
        raise AssertionError(tuned)
    return {"seconds": seconds, "score": compute_score(labels, test, tuned.predict(test)).value}


def tune_with_trainer(
    options: argparse.Namespace, train: Examples, test: Examples
) -> dict[str, float]:
    """transformers' Trainer."""
    import transformers

    labels = LabelSet.of(train)
    model = transformers.AlbertForSequenceClassification.from_pretrained(
        options.base, classifier_dropout_prob=0.0, hidden_dropout_prob=0.0
    )
    base = load(options.base)

    def make_items(examples: Examples) -> list[dict[str, Any]]:
        encodings = make_rows(labels, examples, base.tokenizer, LENGTH).encodings
        return [
            {
                "input_ids": encodings.ids[first:last].tolist(),
                "token_type_ids": encodings.type_ids[first:last].tolist(),
                "labels": labels.numbers[label],
            }
            for first, last, label in zip(
                encodings.offsets, encodings.offsets[1:], examples.labels, strict=False
            )
        ]

    def pad(items: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        length = max(len(item["input_ids"]) for item in items)
        rows = {
            name: [item[name] + [0] * (length - len(item[name])) for item in items]
            for name in ("input_ids", "token_type_ids")
        }
        rows["attention_mask"] = [
            [1] * len(item["input_ids"]) + [0] * (length - len(item["input_ids"])) for item in items
        ]
        rows["labels"] = [item["labels"] for item in items]
        return {name: torch.tensor(values) for name, values in rows.items()}

    with tempfile.TemporaryDirectory() as folder:
        steps = max(1, round(options.epochs * len(train) / BATCH))
        arguments = transformers.TrainingArguments(
            folder,
            per_device_train_batch_size=BATCH,
            per_device_eval_batch_size=64,
            max_steps=steps,
            learning_rate=RATE,
            weight_decay=0.01,
            warmup_steps=round(0.1 * steps),
            bf16=options.precision == "bfloat16",
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_steps=10**6,
        )
        trainer: Any = transformers.Trainer(
            model, arguments, data_collator=pad, train_dataset=make_items(train)
        )
        begin = time.process_time()
        trainer.train()
        seconds = time.process_time() - begin
        logits = trainer.predict(make_items(test)).predictions
    probabilities = torch.softmax(torch.tensor(logits).double(), -1).numpy()
    return {"seconds": seconds, "score": compute_score(labels, test, probabilities).value}


def save_base(options: argparse.Namespace, directory: Path) -> None:
    """The model with a new head, for both."""
    labels = LabelSet.of(read_examples(options, "train", options.rows))
    base = load(options.model)
    packed = make_model(base, labels, TuningConfig(), 0)
    TunedEncoder(packed, base.tokenizer, labels, LENGTH).write(directory, temperature=1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--text", default="text")
    parser.add_argument("--model", default="small-en")
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--test-rows", type=int, default=500)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--worker", choices=("albertkit", "Trainer"), help=argparse.SUPPRESS)
    parser.add_argument("--base", help=argparse.SUPPRESS)
    parser.add_argument("--precision", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        torch.set_num_threads(1)
        train = read_examples(options, "train", options.rows)
        test = read_examples(options, "test", options.test_rows)
        work = tune_ours if options.worker == "albertkit" else tune_with_trainer
        result = work(options, train, test)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({**result, "peak": peak}))
        return
    with tempfile.TemporaryDirectory() as folder:
        save_base(options, Path(folder) / "base")
        for precision in options.precisions:
            results = {}
            for worker in ("Trainer", "albertkit"):
                command = [sys.executable, __file__, *sys.argv[1:], "--worker", worker]
                command += ["--base", str(Path(folder) / "base"), "--precision", precision]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                results[worker] = json.loads(output.splitlines()[-1])
            for worker, result in results.items():
                ratio = results["Trainer"]["seconds"] / result["seconds"]
                print(
                    f"{precision:9s} {worker:10s}{result['seconds']:8.1f} s  ×{ratio:.2f}"
                    f"{result['peak']:8.0f} MB  accuracy {result['score']:.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
