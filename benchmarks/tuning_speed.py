"""Full tuning: processor seconds, peak memory and score of ours and of transformers' Trainer.

    python benchmarks/tuning_speed.py --data ../shared/data/eval [--set wikiann] [--steps 20]

Both begin with the same weights, head included, and take the same steps of 32 of the same rows,
with AdamW, warm-up and linear decay; the order of rows differs. Each runs in a process of its own,
so that the peak is its own; they take turns over precisions and rounds, and a ratio is of one
round. Seconds are those of the processor with one thread, which a busy machine changes least, and
of the training alone, without validation rows. A classifier of few steps may give all rows one
class, which our tuning refuses: take 60 steps or more. Trainer needs accelerate: pip install
accelerate
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from albertkit import load
from albertkit.finetuning.data.examples import LabelSet
from albertkit.finetuning.scores import compute_score
from albertkit.finetuning.tune import tune
from albertkit.finetuning.tuning_model import TunedEncoder
from albertkit.finetuning.tuning_recipe import TuningConfig
from trainer_peer import BATCH, TrainerResult, make_base, train_with_trainer
from truth_sets import SETS, SplitRows, read_splits

EXCLUDED_ROWS = 8  # for validation by our loop, which needs some; they cost next to nothing


def tune_ours(options: argparse.Namespace, labels: LabelSet, rows: SplitRows) -> TrainerResult:
    config = TuningConfig(
        max_steps=options.steps,
        max_seq_length=SETS[options.set].max_length,
        gradient_accumulation_steps=SETS[options.set].batches,
        seeds=1,
        precision=options.precision,
    )
    base = load(options.base)
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        valid = rows.train.take(np.arange(EXCLUDED_ROWS))
        run = Path(folder) / "run"
        tuned = tune(base, labels, rows.train, valid, config=config, directory=run)
    if not isinstance(tuned, TunedEncoder):
        raise AssertionError(tuned)
    return TrainerResult(tuned, time.process_time() - begin)


def tune_with_trainer(
    options: argparse.Namespace, labels: LabelSet, rows: SplitRows
) -> TrainerResult:
    return train_with_trainer(
        options.base,
        labels,
        rows.train,
        None,
        steps=options.steps,
        max_length=SETS[options.set].max_length,
        batches=SETS[options.set].batches,
        bf16=options.precision == "bfloat16",
    )


WORKERS = {"Trainer": tune_with_trainer, "albertkit": tune_ours}


def run_worker(options: argparse.Namespace, rows: SplitRows, labels: LabelSet) -> dict[str, Any]:
    """One training, in this process."""
    torch.set_num_threads(1)
    result = WORKERS[options.worker](options, labels, rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    score = compute_score(labels, rows.test, result.tuned.predict(rows.test))
    return {"seconds": result.seconds, "peak": peak, "score": score.value}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--set", choices=SETS, default="wikiann")
    parser.add_argument("--model", default="small-en")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--test-rows", type=int, default=500)
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--worker", choices=WORKERS, help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--precision", help=argparse.SUPPRESS)
    options = parser.parse_args()
    rows = read_splits(options.data, options.set, options.steps * BATCH, options.test_rows)
    labels = LabelSet.of(rows.train)
    if options.worker:
        print(json.dumps(run_worker(options, rows, labels)))
        return
    print(f"{options.set}, {options.steps} steps of {BATCH}, {len(rows.train):,} rows")
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        make_base(options.model, labels, SETS[options.set].max_length, base)
        for precision in options.precisions * options.rounds:
            results = {}
            for worker in WORKERS:
                command = [sys.executable, __file__, *sys.argv[1:], "--worker", worker]
                command += ["--base", str(base), "--precision", precision]
                environment = {**os.environ, "OMP_NUM_THREADS": "1"}
                done = subprocess.run(
                    command, check=True, stdout=subprocess.PIPE, text=True, env=environment
                )
                results[worker] = json.loads(done.stdout.splitlines()[-1])
            for worker, result in results.items():
                ratio = results["Trainer"]["seconds"] / result["seconds"]
                print(
                    f"{precision:9s} {worker:10s}{result['seconds']:8.1f} s  ×{ratio:.2f}"
                    f"{result['peak']:8.0f} MB  score {result['score']:.3f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
