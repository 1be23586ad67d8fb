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


def distil(
    recipe: Recipe, *, run: OutputDirectory, output: NewModel, threads: Threads = None
) -> None:
    """Train an ALBERT on another model's vectors."""
    use_torch(threads)
    from albertkit.pretraining.distillation import distil as train
    from albertkit.pretraining.distillation_config import DistillationConfig
    from albertkit.pretraining.export import export
    from albertkit.pretraining.recipe import read_recipe
    from albertkit.spec.pooling_config import Normalise, PoolingConfig
    from albertkit.training.devices import is_main_rank

    settings = read_recipe(recipe, DistillationConfig)
    with resume_hint(run):
        weights = train(settings, run, print_metrics)
    pooling = PoolingConfig(steps=(Normalise(),), max_length=settings.data.max_seq_length)
    if is_main_rank():  # of several that torchrun started
        files = make_card_files(settings, run, output.resolve().name)
        export(weights, settings.tokenizer(), output, pooling=pooling, files=files)
