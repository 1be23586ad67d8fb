"""Each shard is made once by the workers; an error there is one line here."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest
from tests_ray.works import Fateful, GpusSeen

import albertkit
from albertkit.distributed.cluster import open_cluster
from albertkit.distributed.shards_on_ray import WorkerResources, make_shards
from albertkit.errors import AlbertKitError, FormatError


@pytest.fixture(scope="module")
def ray(head: str) -> Iterator[ModuleType]:
    with open_cluster(head) as joined:
        yield joined


def make_all_shards(ray: ModuleType, work: Fateful, shards: int = 6) -> list[int]:
    return list(make_shards(ray, work, range(shards), WorkerResources(), most_workers=2))


def test_every_shard_comes_back_once(ray: ModuleType) -> None:
    assert sorted(make_all_shards(ray, Fateful())) == [0, 2, 4, 6, 8, 10]


def test_no_shards_need_no_workers(ray: ModuleType) -> None:
    assert make_all_shards(ray, Fateful(), 0) == []


def test_an_invalid_row_ends_the_job_with_its_line(ray: ModuleType) -> None:
    with pytest.raises(FormatError, match=r"^on \S+ a.parquet: row 7 holds null") as invalid:
        make_all_shards(ray, Fateful("invalid row", (1,)))
    assert invalid.value.diagnostic.code == "row-malformed"


def test_a_shard_at_which_every_worker_dies_is_given_up(ray: ModuleType) -> None:
    """The others are made."""
    done: list[int] = []
    answers = make_shards(ray, Fateful("death", (1,)), range(4), WorkerResources(), most_workers=2)
    with pytest.raises(AlbertKitError) as died:
        done.extend(answers)
    assert died.value.diagnostic.code == "worker-died"
    assert "the worker died in each of 4 attempts at shard 1" in str(died.value)
    assert "or begin a new job with fewer --shard-rows" in str(died.value)
    assert "1 of 4 shards failed, --resume makes them" in str(died.value)
    assert sorted(done) == [0, 4, 6]


def test_a_job_ends_when_as_many_shards_failed_as_there_are_workers(ray: ModuleType) -> None:
    with pytest.raises(AlbertKitError) as full:
        make_all_shards(ray, Fateful("full disk", tuple(range(6))))
    assert full.value.diagnostic.code == "write-failed"
    assert "2 of 6 shards failed" in str(full.value)


def test_a_worker_of_another_version_is_refused(
    ray: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(albertkit, "__version__", "0.0.1")
    with pytest.raises(AlbertKitError) as unfit:
        make_all_shards(ray, Fateful())
    assert unfit.value.diagnostic.code == "worker-incompatible"
    assert "the job was started by 0.0.1" in str(unfit.value)


def test_a_worker_gets_a_gpu_of_its_own_only_where_it_needs_one(ray: ModuleType) -> None:
    for gpus, visible in ((0, ""), (1, "0 1")):
        result = set(make_shards(ray, GpusSeen(), range(4), WorkerResources(gpus=gpus)))
        assert result <= set(visible.split(" "))


def test_more_gpus_than_the_cluster_has_are_refused_at_once(ray: ModuleType) -> None:
    with pytest.raises(AlbertKitError, match=r"has 2 GPUs; each .* needs 3") as refused:
        list(make_shards(ray, GpusSeen(), range(4), WorkerResources(gpus=3)))
    assert refused.value.diagnostic.code == "device-unavailable"


def test_a_program_that_has_joined_a_cluster_keeps_it(ray: ModuleType, head: str) -> None:
    with open_cluster(head) as same:
        assert same is ray
    assert ray.is_initialized()
