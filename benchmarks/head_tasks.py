"""Texts a second of the tasks with a head, and of transformers' pipelines on the same weights.

    python benchmarks/head_tasks.py [--texts 400] [--threads 1]

Random weights in the built-in model's shape, 4 layers of 256, and its vocabulary; texts of 4 to
120 words. transformers' pipeline runs with batches of 1 and of 32, the better one counts. Both
libraries take turns, three times, and the best time of each counts (torch, transformers). The
pipeline for questions is gone in transformers 5: QuestionAnswerer is measured alone.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from albertkit import QuestionAnswerer, TextClassifier, TokenClassifier, load
from albertkit.checkpoints import HUGGINGFACE, Checkpoint
from albertkit.spec import Weights, parameter_table

LABELS = {0: "O", 1: "B-PER", 2: "I-PER"}
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    texts = make_texts(options.texts)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    print(f"{'task':<24}{'albertkit':>12}{'transformers':>14}{'ratio':>8}   texts a second")
    with tempfile.TemporaryDirectory() as folder:
        for task, head, task_class in (
            ("text-classification", "sequence_classification", TextClassifier),
            ("token-classification", "token_classification", TokenClassifier),
        ):
            directory = save_model(Path(folder) / task, head)
            ours: Any = task_class(directory, engine="openvino")
            make: Any = transformers.pipeline
            pipe = make(task, model=str(directory))
            seconds = measure(
                {
                    "ours": partial(ours, texts),
                    "1": partial(pipe, texts),
                    "32": partial(pipe, texts, batch_size=32),
                }
            )
            theirs = min(seconds["1"], seconds["32"])
            mine = seconds["ours"]
            print(
                f"{task:<24}{len(texts) / mine:>12.0f}{len(texts) / theirs:>14.0f}"
                f"{theirs / mine:>8.1f}"
            )
        answerer = QuestionAnswerer(
            save_model(Path(folder) / "answers", "question_answering"), engine="openvino"
        )
        items = [{"question": "Who was the king of that house?", "context": text} for text in texts]
        seconds = measure({"ours": partial(answerer, items)})
        print(f"{'question-answering':<24}{len(texts) / seconds['ours']:>12.0f}{'—':>14}{'—':>8}")


def measure(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The best seconds of each; one call before it is not counted."""
    for call in ways.values():
        call()
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, call in ways.items():
            begun = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - begun)
    return best


def make_texts(count: int) -> list[str]:
    words = [
        "the",
        "king",
        "of",
        "that",
        "large",
        "house",
        "said",
        "he",
        "would",
        "see",
        "her",
        "in",
        "another",
        "city",
    ]
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(words, rng.integers(4, 120))) + "." for _ in range(count)]


def save_model(directory: Path, head: str) -> Path:
    """A directory with random weights and the built-in vocabulary."""
    built_in = load("small-en")
    config = replace(built_in.config, id2label=LABELS, extra={})
    table = parameter_table(config, (head,))
    rng = np.random.default_rng(1)
    arrays = {row.name: rng.normal(0, 0.05, row.shape).astype(np.float32) for row in table.stored}
    HUGGINGFACE.write(Checkpoint(Weights(config, table.heads, arrays)), directory)
    built_in.tokenizer.save_pretrained(directory)
    return directory


if __name__ == "__main__":
    main()
