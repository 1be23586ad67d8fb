"""The model card of a trained model: its data, sizes, compute and figures, from its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from albertkit.pretraining.distillation_config import DistillationConfig
from albertkit.pretraining.distillation_dataset import DistillationDataset
from albertkit.pretraining.pretraining_config import PretrainingConfig
from albertkit.pretraining.recipe import Recipe
from albertkit.pretraining.shards import CorpusShard
from albertkit.spec import AlbertConfig
from albertkit.training.metrics_log import LoggedMetrics
from albertkit.training.schedules import Ramp
from albertkit.training.state import (
    Progress,
    list_checkpoints,
    make_checkpoint_path,
    read_progress,
)

PRETRAINING_FIGURES = {
    "masked_loss": "masked LM: loss (nats)",
    "masked_accuracy": "masked LM: accuracy",
    "order_loss": "sentence order: loss (nats)",
    "order_accuracy": "sentence order: accuracy (chance: 0.5)",
    "teacher_cosine": "mean cosine to the teacher's token vectors",
}
DISTILLATION_FIGURES = {
    "cosine": "mean cosine to the teacher's vectors",
    "gram": "mean squared difference of the cosines in a batch",
    "contrastive": "contrastive loss (nats)",
    "hard_negatives": "loss of triplets with hard negatives (nats)",
}
VALID = "valid_"  # what the names of figures on held-out text begin with


def make_model_card(
    recipe: Recipe[PretrainingConfig] | Recipe[DistillationConfig],
    run: Path,
    metrics: list[LoggedMetrics],
    *,
    name: str,
    step: int,
    plot: str | None = None,
) -> str:
    """Write the README.md of a model that a run has trained.

    Args:
        recipe: of the run.
        run: the output directory of the run, which gives steps, tokens and hours.
        metrics: the lines of its metrics log.
        name: of the model.
        step: of the checkpoint that the model is: the last one, or the best.
        plot: file name of the loss plot in the directory of the card; None: there is none.

    Returns:
        The card as Markdown.
    """
    data = recipe.data
    metrics = [line for line in metrics if (line.get("step") or 0) <= step]
    if isinstance(data, PretrainingConfig):
        task, figures = "fill-mask", PRETRAINING_FIGURES
        purpose = "predicts words for a `[MASK]` and the order of two sentences"
        sources = [f"Text: {_describe_shard(recipe, data.shard)}."]
        if data.valid_shard:
            sources.append(f"Held-out text: {_describe_shard(recipe, data.valid_shard)}.")
    else:
        task, figures = "sentence-similarity", DISTILLATION_FIGURES
        purpose = "computes a vector of a text: the mean of its token vectors, at length 1"
        sources = _describe_distillation(recipe, data)
    lines = [
        "---",
        "library_name: albertkit",
        f"pipeline_tag: {task}",
        "---",
        "",
        f"# {name}",
        "",
        f"An ALBERT that {purpose}. {_describe_model(recipe.model.config(recipe.tokenizer()))}",
        "",
        "## How it was made",
        "",
        *(f"- {source}" for source in sources),
        f"- Licence of the texts: {data.license or 'not stated (`license` in the recipe)'}.",
        f"- Initial weights: {data.initialize_from or data.piece_vectors or 'random'}.",
        *_describe_training(recipe, read_progress(make_checkpoint_path(run, step))),
        "",
        f"## Figures at step {step:,}",
        "",
        *_draw_figures(metrics, figures),
        "",
        "## Limits",
        "",
        *_describe_limits(recipe, read_progress(list_checkpoints(run)[-1]), step),
    ]
    if plot:
        lines += ["", f"![Losses of the run]({plot})"]
    return "\n".join(lines) + "\n"


def _describe_training(
    recipe: Recipe[PretrainingConfig] | Recipe[DistillationConfig], progress: Progress
) -> list[str]:
    """Compute and optimizer."""
    training = recipe.training
    optimizer = training.optimizer.upper().replace("ADAMW", "AdamW")
    if training.muon_learning_rate:
        optimizer += f", and Muon at {training.muon_learning_rate:g} for the layers' matrices"
    return [
        f"- Training: {progress.step:,} steps, {progress.tokens:,} tokens, "
        f"{progress.seconds / 3600:.2f} hours of computing.",
        f"- Optimizer: {optimizer}; peak learning rate {training.learning_rate:g}, "
        f"seed {training.seed}.",
    ]


def _describe_limits(
    recipe: Recipe[PretrainingConfig] | Recipe[DistillationConfig], progress: Progress, step: int
) -> list[str]:
    """What the figures do not say, and which weights they are of; progress: of the whole run."""
    data = recipe.data
    lines = [
        "- It knows only text like that above, and repeats what is wrong or one-sided in it.",
        "- The published ALBERTs were trained on more than a hundred billion tokens.",
    ]
    if not (isinstance(data, PretrainingConfig) and data.valid_shard):
        lines.append("- No held-out text was read, so the figures are of text that it has seen.")
    if step != progress.step:
        lines.append(
            f"- These are the weights of step {step:,}, which had the lowest loss on the held-out "
            f"text: {progress.best_value:.3f}. The run went on to step {progress.step:,}."
        )
    elif progress.best_step not in {0, step}:
        lines.append(
            f"- These are the weights of the last step. On the held-out text those of step "
            f"{progress.best_step:,} had a lower loss: {progress.best_value:.3f}."
        )
    return lines


def _describe_distillation(
    recipe: Recipe[PretrainingConfig] | Recipe[DistillationConfig], data: DistillationConfig
) -> list[str]:
    """The dataset, and the weights of the losses."""
    dataset = DistillationDataset.open(recipe.path(data.dataset))
    ramps = {name: getattr(data, name) for name in DISTILLATION_FIGURES}
    weights = ", ".join(
        f"{name} {_format_ramp(ramp)}" for name, ramp in ramps.items() if _format_ramp(ramp)
    )
    return [
        f"Texts: `{data.dataset}`, {dataset.contents}, with "
        f"a teacher's vectors of {dataset.targets.shape[1]} numbers.",
        f"Weights of the losses: {weights}.",
    ]


def _format_ramp(ramp: Ramp) -> str:
    """The values of a ramp, as "20" or "0 → 0.2"; empty if all are 0."""
    values = list(dict.fromkeys(value for _, value in ramp.points))
    return " → ".join(f"{value:g}" for value in values) if any(values) else ""


def _describe_model(config: AlbertConfig) -> str:
    return (
        f"{config.vocab_size:,} pieces, E {config.embedding_size}, H {config.hidden_size}, "
        f"{config.num_attention_heads} attention heads, {config.num_hidden_layers} layers in "
        f"{config.num_hidden_groups} group{'s' if config.num_hidden_groups > 1 else ''}."
    )


def _describe_shard(
    recipe: Recipe[PretrainingConfig] | Recipe[DistillationConfig], name: str
) -> str:
    """The name in the recipe, with the counts of the shard."""
    return f"`{name}`, {CorpusShard.open(recipe.path(name)).contents}"


def _draw_figures(metrics: Sequence[LoggedMetrics], figures: Mapping[str, str]) -> list[str]:
    """A table of the last training and held-out figures in the metrics log."""
    first = next(iter(figures))
    training = next((line for line in reversed(metrics) if first in line), {})
    valid = next((line for line in reversed(metrics) if VALID + first in line), {})
    return [
        "| | training text, last steps | held-out text |",
        "|---|---|---|",
        *(
            f"| {label} | {_format(training.get(key))} | {_format(valid.get(VALID + key))} |"
            for key, label in figures.items()
            if key in training
        ),
    ]


def _format(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
