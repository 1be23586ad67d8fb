"""A cluster of another version of Ray is refused in one line."""

from __future__ import annotations

import pytest
import ray

from albertkit.distributed.cluster import open_cluster
from albertkit.errors import ResourceError


def test_a_cluster_of_another_version_is_refused(
    head: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not ray.is_initialized()
    there = ray.__version__
    monkeypatch.setattr(ray, "__version__", "2.1.0")
    with pytest.raises(ResourceError) as mismatch, open_cluster(head):
        pass
    assert mismatch.value.diagnostic.code == "cluster-mismatched"
    assert f"Ray: {there}" in str(mismatch.value)
    assert "\n" not in str(mismatch.value)
