"""What runs in the workers of a cluster: one shard after another, with the model opened once.

An error comes back as a Diagnostic, not as an exception, which Ray would wrap in its own and print
with its traces. A worker that dies reports nothing; another one starts its shard again, and the
attempts are counted in a process of their own.
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
RESULT = "result"
MOST_ATTEMPTS = 4  # at one shard; a fifth is an error

Report_co = TypeVar("Report_co", covariant=True)


class Work(Protocol[Report_co]):
    """The work that is sent to each worker."""

    def open(self) -> Callable[[int], Report_co]:
        """Open the model; the function makes a shard, complete or not at all, and reports it."""


@dataclass(frozen=True, slots=True)
class Finished(Generic[Report_co]):
    """A shard that is complete."""

    report: Report_co


@dataclass(frozen=True, slots=True)
class Failed:
    """A shard that is not there, and why; exceptions themselves are not sent.

    Args:
        error_class: The class of the exception.
        diagnostic: Its message.
    """

    error_class: type[AlbertKitError]
    diagnostic: Diagnostic

    def error(self) -> AlbertKitError:
        """Make the exception again."""
        d = self.diagnostic
        return self.error_class(d.code, d.what, why=d.why, fix=d.fix, where=d.where)


class AttemptCounter:
    """Counts how often each shard was started."""

    def __init__(self) -> None:
        """Start with no attempts."""
        self.counts: Counter[int] = Counter()

    def start(self, shard: int) -> int:
        """The number of this attempt, from 1."""
        self.counts[shard] += 1
        return self.counts[shard]


class Worker:
    """An actor of Ray Data that makes the shard whose number it is called with."""

    def __init__(self, work: Work[Any], attempts: ActorHandle, version: str) -> None:
        """Keep the work; the model is opened with the first shard.

        Args:
            work: What it does.
            attempts: Handle of the AttemptCounter.
            version: The version of albertkit that started the job.
        """
        self.work = work
        self.attempts = attempts
        self.version = version
        self.make_shard: Callable[[int], object] | None = None

    def __call__(self, batch: Mapping[str, np.ndarray]) -> dict[str, list[Any]]:
        """Make the shard of a batch of one row."""
        shard = int(batch[SHARD][0])
        return {SHARD: [shard], RESULT: [self._make(shard)]}

    def _make(self, shard: int) -> Finished[object] | Failed:
        try:
            self._count_attempt(shard)
            if self.make_shard is None:
                self._check_version()
                self.make_shard = self.work.open()
            return Finished(self.make_shard(shard))
        except AlbertKitError as error:
            where = " ".join(filter(None, (f"on {_name_machine()}", error.diagnostic.where)))
            return Failed(type(error), replace(error.diagnostic, where=where))

    def _count_attempt(self, shard: int) -> None:
        import ray

        if ray.get(self.attempts.start.remote(shard)) > MOST_ATTEMPTS:
            raise ResourceError(
                "worker-died",
                f"the worker died in each of {MOST_ATTEMPTS} attempts at shard {shard}",
                why="it was out of memory, or its machine went away",
                fix="Give workers more memory and continue with --resume, or begin a new job with"
                " fewer --shard-rows",
            )

    def _check_version(self) -> None:
        if albertkit.__version__ != self.version:
            raise ResourceError(
                "worker-incompatible",
                f"this worker has albertkit {albertkit.__version__}, the job was started by"
                f" {self.version}",
                why="shards of two versions may differ",
                fix="Install one version on all machines of the cluster",
            )


def _name_machine() -> str:
    import ray

    return str(ray.util.get_node_ip_address())
