"""Let torch compute in a forked child, which has none of its parent's threads.

With more than one thread, OpenMP waits for the parent's team for ever: in a worker of
`multiprocessing`, of `gunicorn --preload` or of `datasets.map(num_proc=2)`.
"""

from __future__ import annotations

import logging

import torch

from albertkit.engine.process import reset_after_fork
from albertkit.errors import ResourceError

LOGGER = logging.getLogger(__name__)


class ForkState:
    """Whether this process was forked and has not computed with torch since."""

    def __init__(self) -> None:
        """Watch for forks from now on."""
        self.is_inherited = False
        reset_after_fork(self)

    def reset_after_fork(self) -> None:
        """Prepare torch at the next call; a forked child calls this."""
        self.is_inherited = True


FORK = ForkState()


def prepare_forked_child(device: torch.device) -> None:
    """Set torch to one thread, once; call it only if `FORK.is_inherited`.

    Args:
        device: Where the caller computes.

    Raises:
        ResourceError: [device-unavailable] for a GPU.
    """
    if device.type != "cpu":
        raise ResourceError(
            "device-unavailable",
            f"device is {str(device)!r}, and this process was forked",
            why="CUDA does not work in a fork of a process that has used it",
            fix="Start processes with the method 'spawn', or load the model in each process",
        )
    if torch.get_num_threads() > 1:
        torch.set_num_threads(1)
        LOGGER.info("torch uses one thread in this forked process")
    FORK.is_inherited = False
