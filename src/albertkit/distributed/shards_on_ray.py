"""Shards made by the workers of a cluster: numbers go out, each comes back when its shard is there.

Ray Data holds the numbers back until a worker is free, starts a worker anew that died, and gives
its number to it again. Nothing but numbers and a few words about each shard travel through Ray:
workers read their rows and write their files themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import albertkit
from albertkit.distributed.worker import SHARD, TOLD, Beginnings, Done_co, Made, Work, Worker
from albertkit.errors import AlbertKitError, ResourceError


@dataclass(frozen=True, slots=True)
class Needs:
    """Of each worker."""

    cores: int = 1
    gpus: int = 0

    def room(self, ray: ModuleType) -> int:
        """How many workers the cluster has room for, at least one.

        Raises ResourceError [device-unavailable].
        """
        there = ray.cluster_resources()
        room = int(there.get("CPU", 1)) // self.cores
        if self.gpus:
            found = int(there.get("GPU", 0))
            if found < self.gpus:  # Ray would wait for more for ever
                raise ResourceError(
                    "device-unavailable",
                    f"the cluster has {found} GPUs",
                    why=f"each worker is to compute on {self.gpus}",
                    fix="Leave --device out, or join a cluster that has them",
                )
            room = min(room, found // self.gpus)
        return max(1, room)


def made_on_ray(
    ray: ModuleType,
    work: Work[Done_co],
    shards: Sequence[int],
    needs: Needs,
    *,
    workers: int | None = None,
) -> Iterator[Done_co]:
    """What the workers tell of each shard, in the order in which they are whole.

    workers: at most so many at a time; None: as many as the cluster has room for. What the user
    gave ends the job where it is wrong. What fails at a worker is told when the other shards are
    made, or as soon as there are as many failures as workers.
    Raises what workers raise, ResourceError [worker-died], [worker-incompatible],
    [device-unavailable].
    """
    if not shards:
        return
    room = needs.room(ray)
    workers = min(workers or room, len(shards))
    failures: list[AlbertKitError] = []
    for row in _rows(ray, work, shards, needs, workers):
        told = row[TOLD]
        if isinstance(told, Made):
            yield told.done
            continue
        error = told.error()
        if not isinstance(error, ResourceError):
            raise error
        failures.append(error)
        if len(failures) >= workers:
            break
    if failures:
        raise _unmade(failures, len(shards))


def _rows(
    ray: ModuleType, work: Work[Done_co], shards: Sequence[int], needs: Needs, workers: int
) -> Iterator[dict[str, Any]]:
    beginnings = ray.remote(num_cpus=0)(Beginnings).remote()
    # a block each: what one task of Ray Data's is given, and one that died gets again
    numbers = ray.data.from_items([{SHARD: n} for n in shards], override_num_blocks=len(shards))
    told = numbers.map_batches(
        Worker,
        fn_constructor_args=(work, beginnings, albertkit.__version__),
        batch_size=1,
        # a second number would wait at a busy worker while another has none
        compute=ray.data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
        num_cpus=needs.cores,
        num_gpus=needs.gpus or None,
    )
    try:
        yield from told.iter_rows()
    except ray.exceptions.RayError as error:
        if "No module named 'albertkit'" not in str(error):
            raise
        raise ResourceError(
            "worker-incompatible",
            "a worker has no albertkit",
            why="each machine of the cluster makes shards of its own",
            fix="Install albertkit on all machines of the cluster",
        ) from error


def _unmade(failures: Sequence[AlbertKitError], shards: int) -> AlbertKitError:
    """The first failure, with what becomes of the shards."""
    first = failures[0].diagnostic
    return ResourceError(
        first.code,
        first.what,
        why=first.why,
        fix=f"{first.fix}; {len(failures)} of {shards} shards failed, which --resume makes",
        where=first.where,
    )
