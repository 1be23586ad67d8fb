"""A cluster that runs during all tests; its head has two cores, and jobs join by its address.

It says that it has two GPUs, which is how Ray shares them out; none is computed on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reads it when it is imported

from ray.cluster_utils import Cluster


@pytest.fixture(scope="session")
def head() -> Iterator[str]:
    """Its address."""
    with pytest.MonkeyPatch.context() as patch:  # its workers find what tests give them to do
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "num_gpus": 2})
    yield cluster.address
    cluster.shutdown()
