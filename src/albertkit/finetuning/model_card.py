"""The model card of a fine-tuned model: what it does, how it was made, how good it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from albertkit.finetuning.report import Report
    from albertkit.finetuning.session import FinetuneSession

PIPELINES = {
    "classification": "text-classification",
    "multi-label": "text-classification",
    "regression": "text-classification",
    "tagging": "token-classification",
    "question-answering": "question-answering",
    "multiple-choice": "multiple-choice",
}
CALLS = {  # what the pipeline of a task takes
    "classification": '"a text"',
    "multi-label": '"a text"',
    "regression": '"a text"',
    "tagging": '"a text"',
    "question-answering": 'question="a question", context="a text with the answer"',
    "multiple-choice": '"a question", ["a choice", "another"]',
}
NAMES = {
    "majority": "most frequent label",
    "tfidf": "TF-IDF + logistic regression",
    "probe": "probe: frozen vectors + logistic regression",
    "contrastive": "encoder tuned by pairs of texts + logistic regression",
    "tune": "full tuning",
}


def make_model_card(report: Report, session: FinetuneSession) -> str:
    """Write the README.md of a model.

    Args:
        report: Of the model.
        session: The run.

    Returns:
        The card as Markdown.
    """
    metrics: Any = report.metrics
    rows, measure = metrics["rows"], metrics["measure"]
    lines = [
        "---",
        "library_name: albertkit",
        f"pipeline_tag: {PIPELINES[metrics['task']]}",
        "---",
        "",
        f"# {metrics['task'].capitalize()} of {session.table.name}",
        "",
        f"Made by `albertkit finetune` ({NAMES[report.contender]}) from "
        f"{report.recipe['model']} and {rows['training']:,} rows; scored on {rows['validation']:,}"
        " other rows.",
        "",
        f"Text: {', '.join(report.recipe['text'])}. Label: {report.recipe['label']}"
        + (f" ({', '.join(report.names[:20])})." if report.names else "."),
        "",
        *_show_use(metrics["task"], reads_pairs=session.examples.second is not None),
        f"## {measure}, with the interval of 95 % of resamples",
        "",
        f"| contender | {measure} | interval | seconds | ms a text |",
        "|---|---|---|---|---|",
    ]
    for result in session.results:
        if result.score is None:
            lines.append(f"| {NAMES[result.name]} | – | {result.note} | – | – |")
        else:
            score = result.score
            lines.append(
                f"| {NAMES[result.name]} | {score.value:.3f} | {score.low:.3f} to {score.high:.3f} "
                f"| {result.seconds:.1f} | {result.milliseconds:.2f} |"
            )
    if near := metrics["within_noise_of_it"]:
        lines += ["", f"Within noise of this model: {', '.join(NAMES[name] for name in near)}."]
    if "calibration_error" in metrics:
        lines += [
            "",
            f"Scores are probabilities: expected calibration error "
            f"{metrics['calibration_error']:.3f} after a temperature of "
            f"{report.temperature:.2f}, {metrics['calibration_error_before']:.3f} before.",
        ]
    if labels := report.tables["labels"]:
        lines += ["", "## Labels", "", "| label | precision | recall | F1 | rows |"]
        lines += ["|---|---|---|---|---|"]
        lines += [
            f"| {row['label']} | {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} "
            f"| {row['rows']} |"
            for row in labels
        ]
    lines += ["", "Errors, suspected labels and every setting: the folder `report`."]
    return "\n".join(lines) + "\n"


def _show_use(task: str, *, reads_pairs: bool) -> list[str]:
    """The section with a call of the model."""
    is_of_pairs = reads_pairs and PIPELINES[task] == "text-classification"
    call = '[("a text", "another")]' if is_of_pairs else CALLS[task]
    return [
        "## Use",
        "",
        "```python",
        "from albertkit import pipeline",
        "",
        f'model = pipeline("{PIPELINES[task]}", "path/of/this/directory")',
        f"model({call})",
        "```",
        "",
    ]
