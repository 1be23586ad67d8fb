"""Trainer learns what our tuning learns, and nothing learns from the test rows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
import torch
import zstandard
from pyarrow import parquet
from tests.support.tiny_models import save_tiny

from albertkit import load
from albertkit.finetuning.data.columns import Task
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.data.structured import GoldAnswer
from albertkit.finetuning.tuning_batches import make_batch, make_rows, step_weight
from albertkit.finetuning.tuning_model import make_model
from albertkit.finetuning.tuning_recipe import TuningConfig
from finetuning_truth import CONTENDERS, make_race_table, make_trainer_table, takes_part
from trainer_peer import get_class, make_base, make_items, pad_items
from truth_sets import SETS, read_splits

ROOT = Path(__file__).resolve().parents[1]
TEXTS = ["the house is old", "a cat", "she reads the long letter again"]
WORDS = [text.split() for text in TEXTS]
LABELS: dict[Task, list[Any]] = {
    "classification": ["a", "b", "a"],
    "multi-label": [("a",), ("a", "b"), ()],
    "regression": [1.5, -0.5, 3.0],
    "tagging": [tuple("O" if n % 2 else "B-X" for n in range(len(words))) for words in WORDS],
    "question-answering": [GoldAnswer(("cat",), 2), GoldAnswer(("house",), 4), GoldAnswer(())],
    "multiple-choice": [1, 0, 2],
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("base"), pooler=True)


def make_examples(task: Task) -> Examples:
    return Examples(
        task,
        TEXTS,
        ["a cat on a table", "the house", "nothing of it"]
        if task == "question-answering"
        else None,
        LABELS[task],
        np.arange(3),
        "t",
        words=WORDS if task == "tagging" else None,
        choices=[["red", "a blue boat", "green"]] * 3 if task == "multiple-choice" else None,
    )


@pytest.mark.parametrize("task", [task for task in LABELS if task != "multi-label"])
def test_a_batch_has_the_same_loss_in_transformers_class(
    task: Task, base: Path, tmp_path: Path
) -> None:
    """Same ids, type ids, targets and first weights, though one is padded and one packed."""
    examples = make_examples(task)
    labels = LabelSet.of(examples)
    make_base(str(base), labels, 40, tmp_path)
    model = load(tmp_path)
    rows = make_rows(labels, examples, model.tokenizer, 40)
    numbers = np.arange(len(rows))
    packed = make_model(model, labels, TuningConfig(), 1).eval()
    ours = packed(make_batch(rows, numbers.tolist(), step_weight(rows, numbers))).loss
    peer = get_class(task).from_pretrained(tmp_path).eval()
    items = make_items(labels, examples, model.tokenizer, 40)
    # to transformers a padded position is one where an answer can begin: each text alone
    batches = [[item] for item in items] if task == "question-answering" else [items]
    theirs = torch.stack([peer(**pad_items(batch)).loss for batch in batches]).mean()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_rows_are_drawn_once_and_validation_rows_are_training_rows(tmp_path: Path) -> None:
    rows = [
        {"question": f"{split} {n}", "label": n % 3, "split": split}
        for split, count in (("train", 90), ("test", 30))
        for n in range(count)
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "trec.parquet")
    splits = read_splits(tmp_path, "trec", 50, 20)
    own = {*splits.train.first}, {*splits.valid.first}, {*splits.test.first}
    assert [len(texts) for texts in own] == [50, 10, 20]
    assert not own[0] & own[1]
    assert all(text.startswith("train") for text in own[0] | own[1])
    assert all(text.startswith("test") for text in own[2])
    again = read_splits(tmp_path, "trec", 50, 20)
    assert again.train.first == splits.train.first
    assert set(splits.train.labels) == {"0", "1", "2"}  # classes, not numbers


def write_squad(path: Path, contexts: dict[str, str], answer: str) -> None:
    data = [
        {
            "title": title,
            "paragraphs": [
                {
                    "context": context,
                    "qas": [
                        {
                            "id": title,
                            "question": f"what of {title}?",
                            "answers": [{"text": answer, "answer_start": context.find(answer)}],
                        }
                    ],
                }
            ],
        }
        for title, context in contexts.items()
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(zstandard.ZstdCompressor().compress(json.dumps({"data": data}).encode()))


def test_articles_are_divided_by_their_titles(tmp_path: Path) -> None:
    contexts = {title: f"{title} is a town" for title in ("One", "Two", "Three")}
    write_squad(tmp_path / "squad-dev" / "dev-v1.1.json.zst", contexts, "town")
    split = {"fit": ["One", "Three"], "held": ["Two"]}
    (tmp_path / "squad-dev" / "article-split.json").write_text(json.dumps(split))
    splits = read_splits(tmp_path, "squad-articles", 10, 10)
    assert splits.test.second == ["Two is a town"]
    assert {*(splits.train.second or []), *(splits.valid.second or [])} <= {
        "One is a town",
        "Three is a town",
    }


def test_of_a_paper_the_paragraph_of_the_answer_is_read(tmp_path: Path) -> None:
    write_squad(tmp_path / "covid-qa.json.zst", {"p": "First.\nA town here.\nLast."}, "town")
    write_squad(tmp_path / "squad-dev" / "dev-v1.1.json.zst", {"d": "a town"}, "town")
    row = {"question": "who?", "context": "a man", "answer": "man", "answer_start": 2}
    parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / "qa-extractive-train.parquet")
    splits = read_splits(tmp_path, "squad", 10, 10)
    contexts, answers = zip(
        *((part.second, part.labels) for part in (splits.train, splits.valid)), strict=True
    )
    assert sorted(contexts) == [["A town here."], ["a man"]]
    assert sorted((own.texts[0], own.start) for (own,) in answers) == [("man", 2), ("town", 2)]


def test_a_table_has_a_line_for_each_set_and_a_dash_where_a_contender_does_not_learn_it() -> None:
    cells = [
        {"set": "rte", "contender": name, "score": 0.5, "low": 0.4, "high": 0.6}
        for name in CONTENDERS
        if takes_part(name, SETS["rte"])
    ]
    cells[-1] |= {"seconds": 30.0, "peak_mb": 900}
    cells[-2] |= {"seconds": 10.0, "peak_mb": 450}
    (line,) = make_race_table(cells).splitlines()[2:]
    assert line == f"| RTE | accuracy |{' 0.500 ±0.100 |' * 5} – | – |"
    (line,) = make_trainer_table(cells).splitlines()[2:]
    assert line.endswith("| 10 | 30 | ×3.00 | 450 | 900 |")
    assert not takes_part("probe", SETS["wikiann"])
    assert takes_part("Trainer", SETS["wikiann"])


def test_the_page_shows_the_figures_of_its_command() -> None:
    page = (ROOT / "docs" / "finetune.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^`python (benchmarks/finetuning_truth\.py .* --table)`$", page, re.M)
    printed = subprocess.run(
        [sys.executable, *command.split()], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert f"`python {command}`\n\n{printed}\n" in page
