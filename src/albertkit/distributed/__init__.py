"""A job's shards on the workers of a Ray cluster."""

from albertkit.distributed.embed_on_ray import Workers, inputs_with_borders, run_on_ray

__all__ = ["Workers", "inputs_with_borders", "run_on_ray"]
