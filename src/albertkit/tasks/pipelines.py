"""pipeline(task, model=…): a task by the name that transformers gives it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from albertkit.errors import InputError
from albertkit.errors.exceptions import find_nearest_name

# task → the module in this package and its class
TASKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "text-classification": ("classify", "TextClassifier"),
        "sentiment-analysis": ("classify", "TextClassifier"),
        "token-classification": ("tag", "TokenClassifier"),
        "ner": ("tag", "TokenClassifier"),
        "question-answering": ("answer", "QuestionAnswerer"),
        "multiple-choice": ("choose", "MultipleChoice"),
        "fill-mask": ("fill_mask", "FillMask"),
        "feature-extraction": ("pipelines", "FeatureExtractor"),
    }
)
# task → (why there is none, what to do)
REFUSED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "zero-shot-classification": (
            "it needs a model of natural language inference that knows any label, and no ALBERT of"
            " this package is trained on it",
            "Tune a classifier on 8 examples a label (albertkit finetune), or compare vectors of"
            " texts and labels with TextEmbedder",
        ),
        "sentence-similarity": (
            "it is not a pipeline of transformers",
            "Take TextEmbedder(model).similarity, or albertkit similarity",
        ),
        "text-generation": ("an ALBERT reads text and does not write it", "Take a language model"),
        "summarization": ("an ALBERT reads text and does not write it", "Take a language model"),
        "translation": ("an ALBERT reads text and does not write it", "Take a language model"),
    }
)


def pipeline(task: str, model: str | Path | None = None, **options: Any) -> Callable[..., Any]:
    """Open a model for a task.

    Args:
        task: "text-classification" (or "sentiment-analysis"), "token-classification" (or "ner"),
            "question-answering", "multiple-choice", "fill-mask" or "feature-extraction".
        model: A directory, a built-in model's name, or a name on a hub.
        **options: Of the class of the task: engine, device, precision, truncation, …; and of its
            calls: aggregation_strategy, top_k, …, which become their defaults. A device may also
            be a torch.device, or as in transformers the number of a GPU (-1 is the CPU).

    Returns:
        TextClassifier, TokenClassifier, QuestionAnswerer, MultipleChoice, FillMask, or for
        "feature-extraction" the token vectors of texts as nested lists. A call takes and gives what
        transformers' pipeline takes and gives. With options of calls a function.

    Raises:
        InputError: [pipeline-unknown], [head-missing], and those of the class.
        AlbertKitError: As `load`.
    """
    if task not in TASKS:
        why, fix = REFUSED.get(str(task), ("", ""))
        if not why:
            near = find_nearest_name(str(task), TASKS)
            why = f"the nearest is {near!r}" if near else f"the tasks are {', '.join(TASKS)}"
            fix = "Correct it" if near else "Take one of these"
        raise InputError("pipeline-unknown", f"there is no task {task!r}", why=why, fix=fix)
    module, name = TASKS[task]
    task_class: Any = getattr(import_module(f"albertkit.tasks.{module}"), name)
    of_calls = inspect.signature(task_class.__call__).parameters
    defaults = {key: options.pop(key) for key in list(options) if key in of_calls}
    if "device" in options:
        options["device"] = _name_device(options["device"])
    opened: Callable[..., Any] = task_class(model, **options)
    return partial(opened, **defaults) if defaults else opened


def _name_device(device: object) -> object:
    """The name of a device that transformers' pipeline takes; other values stay as they are."""
    if isinstance(device, int) and not isinstance(device, bool):
        return "cpu" if device < 0 else f"cuda:{device}"
    return str(device) if type(device).__module__ == "torch" else device


class FeatureExtractor:
    """Token vectors of texts, as Hugging Face's pipeline("feature-extraction") gives them.

    Args:
        model: A directory, a built-in model's name, or a name on a hub.
        **options: Of TextEmbedder.
    """

    def __init__(self, model: str | Path | None = None, **options: Any) -> None:
        from albertkit.tasks.embed import TextEmbedder

        self.embedder = TextEmbedder(model, **options)

    def __call__(self, inputs: object) -> Any:
        """The vectors of all tokens.

        Args:
            inputs: A text, or a list of texts.

        Returns:
            [1, S, H] as nested lists, special tokens included; of a list one of these a text.

        Raises:
            InputError: [input-not-texts].
        """
        vectors = self.embedder.encode(inputs, output_value="token_embeddings")
        if isinstance(vectors, np.ndarray):
            return [vectors.tolist()]
        return [[array.tolist()] for array in vectors]

    def __repr__(self) -> str:
        """The model."""
        return f"FeatureExtractor({str(self.embedder.model.path)!r})"
