"""Make a job's shards with the workers of a Ray cluster."""

from albertkit.distributed.job_on_ray import Workers, find_countable_inputs, run_on_ray

__all__ = ["Workers", "find_countable_inputs", "run_on_ray"]
