"""From a bucket into a bucket, by the workers of a cluster: the same shards as on a disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.tables.s3_server import object_store
from tests_ray.job_alone import ROWS, Alone

from albertkit.distributed import Workers, find_countable_inputs, run_on_ray
from albertkit.tasks.jobs.run_job import start_job


def test_a_bucket_holds_the_same_shards(alone: Alone, head: str) -> None:
    with object_store() as store:
        for file in Path(alone.job.locations[0]).iterdir():
            store.objects[f"bucket/texts/{file.name}"] = file.read_bytes()
        job = replace(alone.job, locations=(store.uri("bucket/texts"),))
        inputs = find_countable_inputs(job)
        workers = Workers(head, 2)
        with (
            workers.join_cluster() as ray,
            start_job(job, store.uri("bucket/vectors"), inputs=inputs) as open_job,
        ):
            done = run_on_ray(ray, open_job, workers)
        made = {
            name.removeprefix("bucket/vectors/"): data
            for name, data in store.objects.items()
            if name.startswith("bucket/vectors/part-")
        }
        assert b"a-secret" not in store.objects["bucket/vectors/_job.json"]
    assert done.rows == ROWS
    assert made == {name: data for name, data in alone.files.items() if name.startswith("part-")}
