"""Make shards with the workers of a cluster, which are sent numbers and send reports.

Ray Data holds the numbers back until a worker is free, replaces a worker that died, and sends the
number again. Only numbers and short reports go through Ray: workers read their rows and write
their files themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import albertkit
from albertkit.distributed.worker import (
    RESULT,
    SHARD,
    AttemptCounter,
    Finished,
    Report_co,
    Work,
    Worker,
)
from albertkit.errors import AlbertKitError, ResourceError
from albertkit.errors.exceptions import count_noun


@dataclass(frozen=True, slots=True)
class WorkerResources:
    """Cores and GPUs of each worker."""

    cores: int = 1
    gpus: int = 0

    def most_workers(self, ray: ModuleType) -> int:
        """How many workers the cluster has room for, at least one.

        Raises:
            ResourceError: [device-unavailable].
        """
        resources = ray.cluster_resources()
        count = int(resources.get("CPU", 1)) // self.cores
        if self.gpus:
            gpus = int(resources.get("GPU", 0))
            if gpus < self.gpus:  # Ray would wait for more without end
                raise ResourceError(
                    "device-unavailable",
                    f"the cluster has {count_noun(gpus, 'GPU')}",
                    why=f"each worker needs {self.gpus}",
                    fix="Leave --device out, or join a cluster with GPUs",
                )
            count = min(count, gpus // self.gpus)
        return max(1, count)


def make_shards(
    ray: ModuleType,
    work: Work[Report_co],
    shards: Sequence[int],
    resources: WorkerResources,
    *,
    most_workers: int | None = None,
) -> Iterator[Report_co]:
    """Make shards and yield a report of each, in the order in which they are finished.

    Args:
        ray: From `cluster`.
        work: Is sent to each worker.
        shards: Numbers of the shards to make.
        resources: Of each worker.
        most_workers: The most workers at a time; None: as many as the cluster has room for.

    Raises:
        AlbertKitError: From a worker. A wrong input ends the job at once; a ResourceError is
            raised when all other shards are finished, or as soon as there are as many failures as
            workers.
        ResourceError: [worker-died], [worker-incompatible], [device-unavailable].
    """
    if not shards:
        return
    room = resources.most_workers(ray)
    workers = min(most_workers or room, len(shards))
    failures: list[AlbertKitError] = []
    for row in _collect_results(ray, work, shards, resources, workers):
        result = row[RESULT]
        if isinstance(result, Finished):
            yield result.report
            continue
        error = result.error()
        if not isinstance(error, ResourceError):
            raise error
        failures.append(error)
        if len(failures) >= workers:
            break
    if failures:
        raise _failure_error(failures, len(shards))


def _collect_results(
    ray: ModuleType,
    work: Work[Report_co],
    shards: Sequence[int],
    resources: WorkerResources,
    workers: int,
) -> Iterator[dict[str, Any]]:
    attempts = ray.remote(num_cpus=0)(AttemptCounter).remote()
    # one block a number: a block is what a task of Ray Data gets, and gets again if it dies
    numbers = ray.data.from_items([{SHARD: n} for n in shards], override_num_blocks=len(shards))
    results = numbers.map_batches(
        Worker,
        fn_constructor_args=(work, attempts, albertkit.__version__),
        batch_size=1,
        # a second number would wait at a busy worker while another one is free
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        num_cpus=resources.cores,
        num_gpus=resources.gpus or None,
    )
    try:
        yield from results.iter_rows()
    except ray.exceptions.RayError as error:
        if "No module named 'albertkit'" not in str(error):
            raise
        raise ResourceError(
            "worker-incompatible",
            "a worker has no albertkit",
            why="each machine of the cluster makes shards",
            fix="Install albertkit on all machines of the cluster",
        ) from error


def _failure_error(failures: Sequence[AlbertKitError], shards: int) -> AlbertKitError:
    """The first failure, with the number of shards that are missing."""
    first = failures[0].diagnostic
    return ResourceError(
        first.code,
        first.what,
        why=first.why,
        fix=f"{first.fix}; {len(failures)} of {count_noun(shards, 'shard')} failed,"
        " --resume makes them",
        where=first.where,
    )
