"""`albertkit pretrain`: train a model on shards, as a recipe says."""

from albertkit.cli.corpus import NewDirectory, OutputDirectory, Recipe, Threads, use_torch


def pretrain(
    recipe: Recipe, *, run: OutputDirectory, output: NewDirectory, threads: Threads = None
) -> None:
    """Pretrain an ALBERT (masked LM, sentence order)."""
    use_torch(threads)
    from albertkit.pretraining import pretrain as pretraining
    from albertkit.pretraining.export import export
    from albertkit.pretraining.recipe import read_recipe

    settings = read_recipe(recipe, pretraining.CorpusRecipe)
    export(pretraining.pretrain(settings, run), settings.tokenizer(), output)
