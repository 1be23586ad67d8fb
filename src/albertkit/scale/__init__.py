"""A job's shards on the workers of a Ray cluster."""

from albertkit.scale.embed_on_ray import embed_on_ray

__all__ = ["embed_on_ray"]
