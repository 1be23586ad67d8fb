"""Labelled data → a tuned model: baselines, probes, few-shot tuning, full tuning, their report."""

from typing import TYPE_CHECKING

from albertkit.lazy_exports import attach

if TYPE_CHECKING:
    from albertkit.finetuning.from_table import check_examples as check_examples
    from albertkit.finetuning.from_table import finetune as finetune
    from albertkit.finetuning.session import FinetuneOptions as FinetuneOptions
    from albertkit.finetuning.session import FinetuneSession as FinetuneSession
    from albertkit.finetuning.tuned_model import TunedModel as TunedModel
    from albertkit.finetuning.tuning_recipe import TuningConfig as TuningConfig
else:
    __getattr__, __dir__, __all__ = attach(
        __name__,
        {
            "from_table": ("check_examples", "finetune"),
            "session": ("FinetuneOptions", "FinetuneSession"),
            "tuned_model": ("TunedModel",),
            "tuning_recipe": ("TuningConfig",),
        },
    )
