"""albertkit: everything a person needs to use ALBERT on ordinary machines.

Importing this module imports nothing else: each public name is fetched from its home at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from albertkit.conversion.convert import convert
    from albertkit.conversion.verify import verify
    from albertkit.doctor import diagnose
    from albertkit.errors import AlbertKitError, FormatError, InputError, ResourceError
    from albertkit.finetuning import TunedModel, finetune
    from albertkit.model import (
        AlbertForMaskedLM,
        AlbertForMultipleChoice,
        AlbertForPreTraining,
        AlbertForQuestionAnswering,
        AlbertForSequenceClassification,
        AlbertForSpanSearch,
        AlbertForTokenClassification,
        AlbertModel,
        AutoAlbert,
        compile_for_inference,
    )
    from albertkit.runtime import load
    from albertkit.spec import AlbertConfig
    from albertkit.tasks import (
        FillMask,
        MultipleChoice,
        QuestionAnswerer,
        Search,
        TextClassifier,
        TextEmbedder,
        TokenClassifier,
        community_detection,
        paraphrase_mining,
        paraphrase_mining_embeddings,
        pipeline,
        quantize_embeddings,
        semantic_search,
    )
    from albertkit.tokenization import AlbertTokenizer, TokenizerPolicy

    __all__ = [
        "AlbertConfig",
        "AlbertForMaskedLM",
        "AlbertForMultipleChoice",
        "AlbertForPreTraining",
        "AlbertForQuestionAnswering",
        "AlbertForSequenceClassification",
        "AlbertForSpanSearch",
        "AlbertForTokenClassification",
        "AlbertKitError",
        "AlbertModel",
        "AlbertTokenizer",
        "AutoAlbert",
        "FillMask",
        "FormatError",
        "InputError",
        "MultipleChoice",
        "QuestionAnswerer",
        "ResourceError",
        "Search",
        "TextClassifier",
        "TextEmbedder",
        "TokenClassifier",
        "TokenizerPolicy",
        "TunedModel",
        "__version__",
        "community_detection",
        "compile_for_inference",
        "convert",
        "diagnose",
        "finetune",
        "load",
        "paraphrase_mining",
        "paraphrase_mining_embeddings",
        "pipeline",
        "quantize_embeddings",
        "semantic_search",
        "verify",
    ]

__version__ = "0.1.0"

HOMES = {
    "AlbertConfig": "albertkit.spec",
    "AlbertForMaskedLM": "albertkit.model",
    "AlbertForMultipleChoice": "albertkit.model",
    "AlbertForPreTraining": "albertkit.model",
    "AlbertForQuestionAnswering": "albertkit.model",
    "AlbertForSequenceClassification": "albertkit.model",
    "AlbertForSpanSearch": "albertkit.model",
    "AlbertForTokenClassification": "albertkit.model",
    "AlbertKitError": "albertkit.errors",
    "AlbertModel": "albertkit.model",
    "AlbertTokenizer": "albertkit.tokenization",
    "AutoAlbert": "albertkit.model",
    "FillMask": "albertkit.tasks",
    "FormatError": "albertkit.errors",
    "InputError": "albertkit.errors",
    "MultipleChoice": "albertkit.tasks",
    "QuestionAnswerer": "albertkit.tasks",
    "ResourceError": "albertkit.errors",
    "Search": "albertkit.tasks",
    "TextClassifier": "albertkit.tasks",
    "TextEmbedder": "albertkit.tasks",
    "TokenClassifier": "albertkit.tasks",
    "TokenizerPolicy": "albertkit.tokenization",
    "community_detection": "albertkit.tasks",
    "TunedModel": "albertkit.finetuning",
    "compile_for_inference": "albertkit.model",
    "convert": "albertkit.conversion",
    "diagnose": "albertkit.doctor",
    "finetune": "albertkit.finetuning",
    "load": "albertkit.runtime",
    "paraphrase_mining": "albertkit.tasks",
    "paraphrase_mining_embeddings": "albertkit.tasks",
    "pipeline": "albertkit.tasks",
    "quantize_embeddings": "albertkit.tasks",
    "semantic_search": "albertkit.tasks",
    "verify": "albertkit.conversion",
}


def __getattr__(name: str) -> object:
    if name == "__all__":  # asked for by a star import alone
        return __dir__()
    home = HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'albertkit' has no attribute {name!r}")
    try:
        return getattr(import_module(home), name)
    except ModuleNotFoundError as error:
        from albertkit.errors.exceptions import EXTRA_OF, extra_missing_error

        if error.name is None or error.name not in EXTRA_OF:
            raise
        raise extra_missing_error(error.name, name, choose_error_class()) from error


def choose_error_class() -> type[ResourceError]:
    """An ImportError for `from albertkit import X`, else an AttributeError.

    `hasattr` needs an AttributeError, but an import statement replaces its message.
    """
    import opcode
    import sys

    from albertkit.errors.exceptions import ExtraAttributeError, ExtraImportError

    frame = sys._getframe(2)
    is_import = frame.f_code.co_code[frame.f_lasti] == opcode.opmap["IMPORT_FROM"]
    return ExtraImportError if is_import else ExtraAttributeError


def __dir__() -> list[str]:
    """The names that can be had here: `help` and a star import would end at one that cannot."""
    from importlib.util import find_spec

    has_torch = find_spec("torch") is not None
    names = [name for name, home in HOMES.items() if has_torch or home != "albertkit.model"]
    return sorted(["__version__", *names])
