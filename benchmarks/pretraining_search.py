"""Which settings of small-en learn most in equal time: a table of short runs from the same start.

    python benchmarks/pretraining_search.py [VARIANT ...] [--seconds 1400] [--teacher TEACHER]
        [--results FILE]

Each variant is recipes/small-en.toml with a few other settings, trained for so many seconds of the
processor on one thread; schedules and rates span this time. Batches, teacher and optimizer count,
initialization and evaluation do not. The data is that which recipes/small-en.sh prepares. Results
go to FILE, benchmarks/pretraining_search.json by default, which a second command completes, also at
the same time: a variant that has a result of so many seconds is not run again. `--table` prints the
table without a run.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Final
from unittest.mock import patch

from albertkit.pretraining.pretrain import pretrain
from albertkit.pretraining.pretraining_config import PretrainingConfig
from albertkit.pretraining.recipe import Recipe, read_recipe
from albertkit.training.devices import keep_freed_memory, set_threads
from albertkit.training.metrics_log import read_metrics
from albertkit.training.schedules import Ramp, Stages

RECIPE: Final = Path(__file__).parents[1] / "recipes" / "small-en.toml"
RESULTS: Final = Path(__file__).with_suffix(".json")
RUNS: Final = RECIPE.parents[1] / "runs" / "pretraining-search"  # of checkpoints, until a run ends
NO_SAVES: Final = 10**9  # steps: a run saves at its end, and on Ctrl-C or SIGTERM
LOSS, ACCURACY = "valid_masked_loss", "valid_masked_accuracy"
BASE: Final = "as the recipe: H 256, 4 layers of one group, 16 rows, 30 % masked, depth 4 · 2 · 4"

Settings = Mapping[str, object]
Runs = Mapping[str, Mapping[str, float]]  # variant → figures


def in_two(value: int, later: int) -> Stages:
    """Another value for the second half."""
    return Stages(((0.0, value), (0.5, later)))


def falling_depth(full: int) -> Stages:
    """As in the recipe: half of the layers, but not at the beginning and the end."""
    return Stages(((0.0, full), (0.13, full // 2), (0.74, full)))


def constant(value: float) -> Ramp:
    return Ramp(((0.0, value),))


ALL_LAYERS: Final[Settings] = {"depth": in_two(4, 4)}
WIDE: Final[Settings] = {
    "hidden_size": 384,
    "intermediate_size": 1536,
    "num_attention_heads": 6,
}
VARIANTS: Final[Mapping[str, Settings]] = {
    BASE: {},
    "all 4 layers all the time": ALL_LAYERS,
    "4 groups (all 4 layers all the time)": {**ALL_LAYERS, "num_hidden_groups": 4},
    "2 layers, then 4": {"depth": in_two(2, 4)},
    "H 384, 2 layers": {**WIDE, "num_hidden_layers": 2, "depth": Stages(((0.0, 2),))},
    "H 312, 6 layers (depth 6 · 3 · 6)": {
        "hidden_size": 312,
        "intermediate_size": 1248,
        "num_attention_heads": 6,
        "num_hidden_layers": 6,
        "depth": falling_depth(6),
    },
    "32 rows": {"batch_size": Stages(((0.0, 32),))},
    "64 rows": {"batch_size": Stages(((0.0, 64),))},
    "15 % masked": {"mlm_probability": constant(0.15)},
    "40 % masked": {"mlm_probability": constant(0.40)},
    "the teacher's token vectors, weight 1 → 0": {
        "teacher": "",  # --teacher
        "teacher_weight": Ramp(((0.0, 1.0), (0.7, 0.0))),
    },
}


def make_recipe(settings: Settings, seconds: int, teacher: str) -> Recipe[PretrainingConfig]:
    """The recipe with other settings, to be trained for so many seconds."""
    recipe = read_recipe(RECIPE, PretrainingConfig)
    if "teacher" in settings:
        settings = {**settings, "teacher": teacher}
    model = {k: v for k, v in settings.items() if hasattr(recipe.model, k)}
    data = {k: v for k, v in settings.items() if hasattr(recipe.data, k)}
    return replace(
        recipe,
        model=replace(recipe.model, **model),  # type: ignore[arg-type]  # of each field's type
        data=replace(recipe.data, **data),  # type: ignore[arg-type]
        training=replace(
            recipe.training, max_tokens=0, max_hours=seconds / 3600, save_steps=NO_SAVES
        ),
    )


def train(name: str, seconds: int, teacher: str, directory: Path) -> dict[str, float | None]:
    """Run one variant in a directory of its own; its figures on the held-out text."""
    recipe = make_recipe(VARIANTS[name], seconds, teacher)
    with patch("albertkit.training.loop.time", SimpleNamespace(monotonic=time.process_time)):
        pretrain(recipe, directory)
    lines = read_metrics(directory)
    figures = {**lines[-2], **lines[-1]}  # the last of training, and the evaluation after it
    shutil.rmtree(directory)
    return {key: figures[key] for key in ("seconds", "step", "tokens", LOSS, ACCURACY)}


def read_results(path: Path) -> dict[str, Runs]:
    """The figures of each variant that has been run, by the seconds that each had."""
    text = path.read_text(encoding="utf-8") if path.exists() else "{}"
    results: dict[str, Runs] = json.loads(text)
    return results


def table(results: Mapping[str, Runs]) -> str:
    """The results as Markdown, in the order of the losses; the longest runs count first."""
    spans = sorted(results, key=int, reverse=True)
    heads = [f"{int(span):,} s: tokens | loss (nats) | accuracy" for span in spans]
    lines = [" | ".join(["| variant", *heads]) + " |", "|---" + "|---:" * 3 * len(spans) + "|"]

    def losses(name: str) -> list[float]:
        return [results[span].get(name, {LOSS: math.inf})[LOSS] for span in spans]

    for name in sorted({name for runs in results.values() for name in runs}, key=losses):
        cells = [f"| {name}"]
        for span in spans:
            if name in results[span]:
                tokens, loss, accuracy = (
                    results[span][name][k] for k in ("tokens", LOSS, ACCURACY)
                )
                cells += [f"{tokens / 1e6:.2f} M", f"{loss:.3f}", f"{accuracy:.3f}"]
            else:
                cells += ["", "", ""]
        lines.append(" | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help="numbers; none: all")
    parser.add_argument("--seconds", type=int, default=1400)
    parser.add_argument("--teacher", default="sentence-transformers/all-MiniLM-L6-v2")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print the table of the results")
    options = parser.parse_args()
    chosen = [list(VARIANTS)[int(number)] for number in options.variants] or list(VARIANTS)
    keep_freed_memory()
    set_threads(1)
    span = str(options.seconds)
    for name in [] if options.table else chosen:
        if name not in read_results(options.results).get(span, {}):
            directory = RUNS / options.results.stem / span / str(list(VARIANTS).index(name))
            figures = train(name, options.seconds, options.teacher, directory)
            results = read_results(options.results)  # again: another process may have added some
            added = {**results, span: {**results.get(span, {}), name: figures}}
            options.results.write_text(json.dumps(added, indent=1) + "\n", encoding="utf-8")
    print(table(read_results(options.results)))


if __name__ == "__main__":
    main()
