"""`albertkit distil`: train a model to compute another model's sentence vectors."""

from albertkit.cli.corpus import (
    NewModel,
    OutputDirectory,
    Recipe,
    Threads,
    make_card_files,
    print_metrics,
    resume_hint,
    use_torch,
)
from albertkit.cli.output import print_status
from albertkit.fileformats.atomic import refuse_files
from albertkit.training.run_directory import is_main_rank


def distil(
    recipe: Recipe, *, run: OutputDirectory, output: NewModel, threads: Threads = None
) -> None:
    """Train an ALBERT on another model's vectors."""
    refuse_files(output)
    from albertkit.pretraining.distillation_config import DistillationConfig
    from albertkit.pretraining.recipe import read_recipe

    settings = read_recipe(recipe, DistillationConfig)  # before torch, whose import takes seconds
    use_torch(threads)
    from albertkit.pretraining.distillation import distil as train
    from albertkit.pretraining.export import export
    from albertkit.spec.pooling_config import Normalize, PoolingConfig
    from albertkit.training.state import list_checkpoints, read_progress

    with resume_hint(run):
        weights = train(settings, run, print_metrics)
        if not is_main_rank():
            return
        length, tokenizer = settings.data.max_seq_length, settings.tokenizer()
        tokenizer.model_max_length = length  # transformers truncates at this limit
        pooling = PoolingConfig(steps=(Normalize(),), max_length=length)
        step = read_progress(list_checkpoints(run)[-1]).step
        files = make_card_files(settings, run, output.resolve().name, step)
        export(weights, tokenizer, output, pooling=pooling, files=files)
    print_status(f"Model written to {output}/")
    print_status(f'Use it: albertkit embed "a text" -m {output}')
