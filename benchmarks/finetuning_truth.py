"""The contenders of `finetune`, scikit-learn, SetFit and Trainer on public data sets, in one table.

    python benchmarks/finetuning_truth.py --results truth.json --data ../shared/data/eval
    python benchmarks/finetuning_truth.py --results truth.json --table

A cell has the score of the test rows with its 95 % interval, processor seconds of training and
scoring, and peak memory; a training is a process of its own with one thread. Cells that the file of
results has are not computed again, so that an interrupted table goes on. All contenders learn from
the same rows, and nothing is chosen by the test rows. "tune" begins at the probe, as in the race;
"new head" and "Trainer" begin with the same weights of small-en, head included, and take the same
steps; "random" does so with random weights, and shows what the pretraining is worth. accelerate
and setfit are needed here alone: pip install accelerate setfit
"""

from __future__ import annotations

import argparse
import functools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from albertkit import TextEmbedder, load
from albertkit.arrays import Int64Array
from albertkit.errors import ResourceError
from albertkit.fileformats.atomic import create_file
from albertkit.finetuning.baseline import predict_majority, predict_tfidf
from albertkit.finetuning.contrastive import tune_pairs
from albertkit.finetuning.data.examples import Examples, LabelSet
from albertkit.finetuning.data.split import assign_folds, make_strata
from albertkit.finetuning.probe import FOLDS, compute_vectors, fit_probe
from albertkit.finetuning.race import LINEAR_TASKS, ProbeModel
from albertkit.finetuning.scores import MEASURES, Predictions, compute_score
from albertkit.finetuning.tune import tune
from albertkit.finetuning.tune_probe import begin_at_probe
from albertkit.finetuning.tuning_recipe import TuningConfig
from trainer_peer import make_base, train_with_trainer
from truth_sets import SETS, DataSet, SplitRows, read_splits

PAIR_STEPS = 100  # of 16 pairs, for both contrastive trainings
Cell = dict[str, Any]


def run_majority(data: DataSet, labels: LabelSet, rows: SplitRows) -> Predictions:
    return predict_majority(labels, rows.train, rows.test)


def run_tfidf(data: DataSet, labels: LabelSet, rows: SplitRows) -> Predictions:
    return predict_tfidf(labels, rows.train, rows.test, make_folds(rows.train))[0]


def run_sklearn(data: DataSet, labels: LabelSet, rows: SplitRows) -> Predictions:
    """Words and pairs of words with logistic regression, or ridge regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    features = vectorizer.fit_transform(rows.train.texts())
    is_regression = labels.task == "regression"
    model = Ridge() if is_regression else LogisticRegression(max_iter=1000)
    model.fit(features, rows.train.labels)
    predicted = model.predict(vectorizer.transform(rows.test.texts()))
    return predicted[:, None] if is_regression else one_hot(labels, predicted)


def one_hot(labels: LabelSet, names: Any) -> Predictions:
    """Predicted names as probabilities."""
    return np.array([[float(name == label) for label in labels.names] for name in names])


@functools.cache
def open_embedder() -> TextEmbedder:
    return TextEmbedder(truncation="off")


def make_probe(labels: LabelSet, rows: SplitRows, embedder: TextEmbedder) -> ProbeModel:
    vectors = compute_vectors(embedder, rows.train)
    return ProbeModel(embedder, fit_probe(labels, rows.train, vectors, make_folds(rows.train)))


def make_folds(train: Examples) -> Int64Array:
    """The folds by which strengths of penalties are chosen."""
    return assign_folds(np.arange(len(train)), make_strata(train), FOLDS, 0)


def run_probe(data: DataSet, labels: LabelSet, rows: SplitRows) -> Predictions:
    return make_probe(labels, rows, open_embedder()).predict(rows.test)


def run_contrastive(data: DataSet, labels: LabelSet, rows: SplitRows) -> Predictions:
    with tempfile.TemporaryDirectory() as folder:
        embedder = tune_pairs(
            open_embedder(),
            labels,
            rows.train,
            directory=Path(folder) / "pairs",
            steps=PAIR_STEPS,
        )
    if isinstance(embedder, str):
        raise AssertionError(embedder)
    return make_probe(labels, rows, embedder).predict(rows.test)


def run_setfit(data: DataSet, labels: LabelSet, rows: SplitRows) -> Predictions:
    """The same encoder, pairs and steps as "contrastive"."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from setfit import SetFitModel, Trainer, TrainingArguments
    from sklearn.linear_model import LogisticRegression

    body = SentenceTransformer(str(load("small-en-vectors").path), device="cpu")
    model = SetFitModel(model_body=body, model_head=LogisticRegression(max_iter=1000))
    train = Dataset.from_dict({"text": rows.train.first, "label": rows.train.labels})
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            batch_size=16,
            max_steps=PAIR_STEPS,
            report_to="none",
            save_strategy="no",
        )
        Trainer(model=model, args=arguments, train_dataset=train).train()
    return one_hot(labels, model.predict(rows.test.first))


def run_tune(data: DataSet, labels: LabelSet, rows: SplitRows) -> Predictions:
    probe = make_probe(labels, rows, open_embedder())
    return tune_rows(data, labels, rows, probe.embedder.model, begin_at_probe(probe))


def run_new_head(
    data: DataSet, labels: LabelSet, rows: SplitRows, *, is_random: bool = False
) -> Predictions:
    with tempfile.TemporaryDirectory() as folder:
        make_base("small-en", labels, data.max_length, Path(folder), is_random=is_random)
        return tune_rows(data, labels, rows, load(folder), None)


def tune_rows(
    data: DataSet, labels: LabelSet, rows: SplitRows, base: Any, start: Any
) -> Predictions:
    config = TuningConfig(
        max_steps=data.steps,
        gradient_accumulation_steps=data.batches,
        max_seq_length=data.max_length,
        seeds=1,
    )
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        tuned = tune(
            base, labels, rows.train, rows.valid, config=config, directory=run, start=start
        )
    if isinstance(tuned, str):
        raise AssertionError(tuned)
    return tuned.predict(rows.test)


def run_trainer(data: DataSet, labels: LabelSet, rows: SplitRows) -> Predictions:
    with tempfile.TemporaryDirectory() as folder:
        make_base("small-en", labels, data.max_length, Path(folder))
        result = train_with_trainer(
            Path(folder),
            labels,
            rows.train,
            rows.valid,
            steps=data.steps,
            max_length=data.max_length,
            batches=data.batches,
        )
    return result.tuned.predict(rows.test)


Run = Callable[[DataSet, LabelSet, SplitRows], Predictions]
CONTENDERS: Mapping[str, Run] = {  # the cheapest first
    "majority": run_majority,
    "TF-IDF + LR": run_tfidf,
    "scikit-learn": run_sklearn,
    "probe": run_probe,
    "tune": run_tune,
    "new head": run_new_head,
    "random": functools.partial(run_new_head, is_random=True),
    "Trainer": run_trainer,
    "contrastive": run_contrastive,
    "SetFit": run_setfit,
}
FROZEN = ("majority", "TF-IDF + LR", "scikit-learn", "probe")
OF_ALL_TASKS = ("new head", "Trainer")
RANDOM_SETS = ("trec", "sst2", "agnews", "mrpc")
OF_SINGLE_TEXTS = ("contrastive", "SetFit")


def takes_part(contender: str, data: DataSet) -> bool:
    """Whether a contender learns the task."""
    if contender in OF_SINGLE_TEXTS:
        return data.columns.task == "classification" and len(data.columns.texts) == 1
    if contender == "random":
        return any(data is SETS[name] for name in RANDOM_SETS)
    return contender in OF_ALL_TASKS or data.columns.task in LINEAR_TASKS


def compute_cell(options: argparse.Namespace, name: str, contender: str) -> Cell:
    """One contender on one data set, in this process."""
    splits = read_splits(options.data, name, options.rows, options.test_rows)
    labels = LabelSet.of(splits.train)
    begin = time.process_time()
    try:
        predictions = CONTENDERS[contender](SETS[name], labels, splits)
        score = compute_score(labels, splits.test, predictions)
        result: Cell = {
            "score": round(score.value, 4),
            "low": round(score.low, 4),
            "high": round(score.high, 4),
        }
    except ResourceError as error:  # as the race does, see FinetuneSession
        if error.diagnostic.code not in ("training-diverged", "predictions-constant"):
            raise
        result = {"note": error.diagnostic.code}
    return {
        "set": name,
        "contender": contender,
        "rows": len(splits.train),
        "test_rows": len(splits.test),
        **result,
        "seconds": round(time.process_time() - begin, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6),
    }


def make_race_table(cells: list[Cell]) -> str:
    """Scores with their intervals: a line for each data set, a column for each contender."""
    names = [name for name in CONTENDERS if name not in (*OF_ALL_TASKS, "random")]
    lines = [f"| | score | {' | '.join(names)} |", "|---|---|" + "---:|" * len(names)]
    for name, own in group_cells(cells).items():
        if own.keys() & set(names):
            scores = [show_score(own.get(contender)) for contender in names]
            lines.append(f"| {show_set(name)} | {' | '.join(scores)} |")
    return "\n".join(lines)


def make_trainer_table(cells: list[Cell]) -> str:
    """The two trainings that begin with the same weights."""
    lines = [
        "| | score | random weights | albertkit | Trainer | seconds | Trainer's | ratio"
        " | peak, MB | Trainer's |",
        "|---|---|" + "---:|" * 8,
    ]
    for name, own in group_cells(cells).items():
        if {*OF_ALL_TASKS} <= own.keys():
            ours, theirs = (own[contender] for contender in OF_ALL_TASKS)
            lines.append(
                f"| {show_set(name)} | {show_score(own.get('random'))}"
                f" | {show_score(ours)} | {show_score(theirs)}"
                f" | {ours['seconds']:.0f} | {theirs['seconds']:.0f}"
                f" | ×{theirs['seconds'] / ours['seconds']:.2f}"
                f" | {ours['peak_mb']:,} | {theirs['peak_mb']:,} |"
            )
    return "\n".join(lines)


def group_cells(cells: list[Cell]) -> dict[str, dict[str, Cell]]:
    """Data set → contender → cell, in the order of SETS."""
    return {
        name: {cell["contender"]: cell for cell in cells if cell["set"] == name} for name in SETS
    }


def show_set(name: str) -> str:
    return f"{SETS[name].title} | {MEASURES[SETS[name].columns.task]}"


def show_score(cell: Cell | None) -> str:
    if cell is None or "note" in cell:
        return "–" if cell is None else cell["note"]
    return f"{cell['score']:.3f} ±{(cell['high'] - cell['low']) / 2:.3f}"


def measure(options: argparse.Namespace) -> None:
    """Compute the cells that the file of results lacks."""
    cells = read_cells(options.results)
    there = {(cell["set"], cell["contender"]) for cell in cells}
    for contender, name in list_cells(options.contenders, options.sets):
        if (name, contender) in there:
            continue
        if contender in FROZEN:
            cells.append(compute_cell(options, name, contender))
        else:
            command = [sys.executable, __file__, *sys.argv[1:], "--worker", name, contender]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
            cells.append(json.loads(done.stdout.splitlines()[-1]))
        with create_file(options.results) as file:
            file.write((json.dumps(cells, indent=1) + "\n").encode())
        print(json.dumps(cells[-1]), flush=True)


def list_cells(contenders: Sequence[str], sets: Sequence[str]) -> list[tuple[str, str]]:
    """Contenders and data sets: what is not trained first, then one data set after another."""
    pairs = [(contender, name) for name in sets for contender in contenders]
    pairs.sort(key=lambda pair: pair[0] not in FROZEN)
    return [(contender, name) for contender, name in pairs if takes_part(contender, SETS[name])]


def read_cells(path: Path) -> list[Cell]:
    return json.loads(path.read_text()) if path.is_file() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, required=True, help="a JSON file")
    parser.add_argument("--data", type=Path, help="the folder of the data sets")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--test-rows", type=int, default=500)
    parser.add_argument("--table", action="store_true", help="measure nothing")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.worker:
        print(json.dumps(compute_cell(options, *options.worker)))
        return
    if not options.table:
        measure(options)
    cells = read_cells(options.results)
    print(f"{make_race_table(cells)}\n\n{make_trainer_table(cells)}")


if __name__ == "__main__":
    main()
