"""What runs in the workers of a cluster: one shard after another, by what was opened once.

What went wrong comes back as a Diagnostic, not as an exception: Ray would wrap it in its own, and
print its traces. A worker that dies says nothing; the shard it was making is begun again by
another, and its beginnings are counted in a process that is none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import albertkit
from albertkit.errors import AlbertKitError, Diagnostic, ResourceError

if TYPE_CHECKING:
    import numpy as np
    from ray.actor import ActorHandle

SHARD = "shard"  # columns of Ray Data's blocks
TOLD = "told"
BEGINNINGS = 4  # of one shard; whoever would begin it a fifth time gives it up

Done_co = TypeVar("Done_co", covariant=True)


class Work(Protocol[Done_co]):
    """What is sent to each worker: opened there once, then asked for shard after shard."""

    def opened(self) -> Callable[[int], Done_co]:
        """What makes a shard whole, or leaves it as it was, and tells of it."""


@dataclass(frozen=True, slots=True)
class Made(Generic[Done_co]):
    """A shard that is whole."""

    done: Done_co


@dataclass(frozen=True, slots=True)
class Failed:
    """A shard that is not there; kind: of the error. Errors themselves don't travel."""

    kind: type[AlbertKitError]
    diagnostic: Diagnostic

    def error(self) -> AlbertKitError:
        f = self.diagnostic
        return self.kind(f.code, f.what, why=f.why, fix=f.fix, where=f.where)


class Beginnings:
    """Counts how often each shard was begun."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()

    def begin(self, shard: int) -> int:
        """Which beginning this is, from 1."""
        self.counts[shard] += 1
        return self.counts[shard]


class Worker:
    """An actor of Ray Data's: called with a shard's number, answers with what became of it.

    version: of albertkit where the job comes from.
    """

    def __init__(self, work: Work[Any], beginnings: ActorHandle, version: str) -> None:
        self.work = work
        self.beginnings = beginnings
        self.version = version
        self.make: Callable[[int], object] | None = None

    def __call__(self, batch: Mapping[str, np.ndarray]) -> dict[str, list[Any]]:
        """batch: one row."""
        shard = int(batch[SHARD][0])
        return {SHARD: [shard], TOLD: [self._told(shard)]}

    def _told(self, shard: int) -> Made[object] | Failed:
        try:
            self._begin(shard)
            if self.make is None:
                self._check_version()
                self.make = self.work.opened()
            return Made(self.make(shard))
        except AlbertKitError as error:
            where = " ".join(filter(None, (f"on {_machine()}", error.diagnostic.where)))
            return Failed(type(error), replace(error.diagnostic, where=where))

    def _begin(self, shard: int) -> None:
        import ray

        if ray.get(self.beginnings.begin.remote(shard)) > BEGINNINGS:
            raise ResourceError(
                "worker-died",
                f"shard {shard} was begun {BEGINNINGS} times, and each time the worker died",
                why="out of memory, or its machine went away",
                fix="Give workers more memory or smaller shards, then go on with --resume",
            )

    def _check_version(self) -> None:
        if albertkit.__version__ != self.version:
            raise ResourceError(
                "worker-incompatible",
                f"this worker has albertkit {albertkit.__version__}, the job comes from"
                f" {self.version}",
                why="shards of two versions may differ",
                fix="Install one version on all machines of the cluster",
            )


def _machine() -> str:
    import ray

    return str(ray.util.get_node_ip_address())
