"""The model card of a pretrained model: its data, sizes, compute and figures, from its run."""

from __future__ import annotations

from pathlib import Path

from albertkit.pretraining.pretrain import PretrainingConfig
from albertkit.pretraining.recipe import Recipe
from albertkit.pretraining.shards import CorpusShard
from albertkit.spec import AlbertConfig
from albertkit.training.metrics_log import LoggedMetrics
from albertkit.training.state import list_checkpoints, read_progress

FIGURES = {
    "masked_loss": "masked LM: loss (nats)",
    "masked_accuracy": "masked LM: accuracy",
    "order_loss": "sentence order: loss (nats)",
    "order_accuracy": "sentence order: accuracy (chance: 0.5)",
}
VALID = "valid_"  # what the names of figures on held-out text begin with


def make_model_card(
    recipe: Recipe[PretrainingConfig],
    run: Path,
    metrics: list[LoggedMetrics],
    *,
    name: str,
    plot: str | None = None,
) -> str:
    """Write the README.md of a model that a run has trained.

    Args:
        recipe: of the run.
        run: the output directory of the run, which gives steps, tokens and hours.
        metrics: the lines of its metrics log.
        name: of the model.
        plot: file name of the loss plot in the directory of the card; None: there is none.

    Returns:
        The card as Markdown.
    """
    config = recipe.model.config(recipe.tokenizer())
    progress = read_progress(list_checkpoints(run)[-1])
    training = recipe.training
    optimizer = training.optimizer.upper().replace("ADAMW", "AdamW")
    if training.muon_learning_rate:
        optimizer += f", and Muon at {training.muon_learning_rate:g} for the layers' matrices"
    lines = [
        "---",
        "library_name: albertkit",
        "pipeline_tag: fill-mask",
        "---",
        "",
        f"# {name}",
        "",
        f"An ALBERT that predicts words for a `[MASK]` and the order of two sentences. "
        f"{_describe_model(config)}",
        "",
        "## How it was made",
        "",
        f"- Text: {_describe_shard(recipe, recipe.data.shard)}.",
        *(
            [f"- Held-out text: {_describe_shard(recipe, recipe.data.valid_shard)}."]
            if recipe.data.valid_shard
            else []
        ),
        f"- Initial weights: {recipe.data.initialize_from or 'random'}.",
        f"- Training: {progress.step:,} steps, {progress.tokens:,} tokens, "
        f"{progress.seconds / 3600:.2f} hours of computing.",
        f"- Optimizer: {optimizer}; peak learning rate {training.learning_rate:g}, "
        f"seed {training.seed}.",
        "",
        "## Figures at the end",
        "",
        *_draw_figures(metrics),
    ]
    if plot:
        lines += ["", f"![Losses of the run]({plot})"]
    return "\n".join(lines) + "\n"


def _describe_model(config: AlbertConfig) -> str:
    return (
        f"{config.vocab_size:,} pieces, E {config.embedding_size}, H {config.hidden_size}, "
        f"{config.num_attention_heads} attention heads, {config.num_hidden_layers} layers in "
        f"{config.num_hidden_groups} group{'s' if config.num_hidden_groups > 1 else ''}."
    )


def _describe_shard(recipe: Recipe[PretrainingConfig], name: str) -> str:
    """The name in the recipe, with the counts of the shard."""
    shard = CorpusShard.open(recipe.path(name))
    return f"`{name}`, {len(shard):,} documents, {len(shard.ids):,} pieces"


def _draw_figures(metrics: list[LoggedMetrics]) -> list[str]:
    """A table of the last training and held-out figures in the metrics log."""
    training = next((line for line in reversed(metrics) if "masked_loss" in line), {})
    valid = next((line for line in reversed(metrics) if VALID + "masked_loss" in line), {})
    return [
        "| | training text, last steps | held-out text |",
        "|---|---|---|",
        *(
            f"| {label} | {_format(training.get(key))} | {_format(valid.get(VALID + key))} |"
            for key, label in FIGURES.items()
        ),
    ]


def _format(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
