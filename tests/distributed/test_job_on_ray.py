"""What is refused before a cluster is joined, and by a worker before it opens the model."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest
from tests.support.tiny_heads import save_head
from tests.support.tiny_models import save_tiny_vectors

from albertkit.distributed import find_countable_inputs
from albertkit.distributed.job_on_ray import JobWork
from albertkit.errors import AlbertKitError, InputError, ResourceError
from albertkit.runtime import LoadOptions
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.tables import ReadOptions, find_inputs
from albertkit.tables.writers.shards import Shards
from albertkit.tasks.embed_job import EmbedJob
from albertkit.tasks.head_jobs import AnswerJob, ChooseJob, ClassifyJob, TagJob
from albertkit.tasks.job import TableJob
from albertkit.tasks.jobs.run_job import run_job, start_job
from albertkit.tasks.options import EncodeOptions

NUMPY = LoadOptions(engine="numpy")


def test_inputs_with_an_unknown_number_of_rows_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a text\n")
    with pytest.raises(InputError) as refused:
        find_countable_inputs(EmbedJob((str(tmp_path / "a.txt"),)))
    assert refused.value.diagnostic.code == "row-count-unknown"
    assert f"the number of rows of '{tmp_path / 'a.txt'}' is unknown" in str(refused.value)


def test_standard_input_is_refused_unread() -> None:
    with pytest.raises(InputError, match="the number of rows of 'standard input' is unknown"):
        find_countable_inputs(EmbedJob(("-",)))


def test_inputs_without_rows_are_refused(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(
        pyarrow.table({"text": pyarrow.array([], "string")}), tmp_path / "a"
    )
    with pytest.raises(InputError) as refused:
        find_countable_inputs(EmbedJob((str(tmp_path / "a"),)))
    assert refused.value.diagnostic.code == "texts-missing"


def test_a_damaged_file_is_refused_before_a_model_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and no more")
    job = EmbedJob((str(tmp_path / "a.parquet"),), model=str(tmp_path / "no model"))
    with pytest.raises(AlbertKitError) as refused:
        find_countable_inputs(job)
    assert refused.value.diagnostic.code == "file-malformed"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another directory than the current one, which has a model and an empty folder of texts."""
    for folder in ("here/texts", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    save_tiny_vectors(Path("model"), PoolingConfig(max_length=20))
    return tmp_path / "elsewhere"


def test_a_worker_in_another_directory_writes_the_bytes_of_one_process(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [None if number % 5 == 2 else f"the {number} waters" for number in range(12)]
    pyarrow.parquet.write_table(pyarrow.table({"text": texts}), "texts/a.parquet")
    with pyarrow.OSFile("texts/b.arrow", "wb") as file:
        table = pyarrow.table({"text": texts})
        with pyarrow.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
    Path("texts/c.parquet").write_bytes(b"PAR1 and no more")
    job = EmbedJob(("texts",), skip_invalid=True, shard_rows=10, model="model", load=NUMPY)
    with start_job(job, "alone") as open_job:
        run_job(open_job)
    with start_job(job, "output", inputs=find_countable_inputs(job)) as open_job:
        on_gpu = replace(open_job, job=replace(open_job.job, load=LoadOptions(device="cuda:3")))
        assert JobWork.from_job(on_gpu).job.load.device == "cuda", "the one that Ray gives it"
        sent = pickle.dumps(JobWork.from_job(open_job))
        with monkeypatch.context() as there:
            there.chdir(elsewhere)
            work: JobWork = pickle.loads(sent)  # noqa: S301  # as Ray sends it
            make = work.open()
            assert [make(number).invalid for number in (2, 1, 0)] == [1, 2, 2]
    made, whole = (
        {path.name: path.read_bytes() for path in Path(name).iterdir()}
        for name in ("output", "alone")
    )
    assert made == whole
    assert b'"file": "texts/a.parquet"' in made["_invalid-00000.jsonl"]


def test_a_worker_cuts_documents_into_the_same_parts(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        Path(f"texts/{number}.md").write_text("The *waters* rose. " * (number * 4 + 1))
    job = EmbedJob(
        ("texts",),
        read=ReadOptions(files=True),
        shard_rows=2,
        model="model",
        load=NUMPY,
        encode=EncodeOptions(chunk=16, overlap=4, markdown=True),
    )
    with start_job(job, "alone") as open_job:
        assert run_job(open_job).rows > 5
    with start_job(job, "output", inputs=find_countable_inputs(job)) as open_job:
        sent = pickle.dumps(JobWork.from_job(open_job))
        with monkeypatch.context() as there:
            there.chdir(elsewhere)
            work: JobWork = pickle.loads(sent)  # noqa: S301  # as Ray sends it
            make = work.open()
            assert [make(number).report.texts for number in (2, 1, 0)] == [1, 2, 2]
    made, whole = (
        {path.name: path.read_bytes() for path in Path(name).iterdir()}
        for name in ("output", "alone")
    )
    assert made == whole
    names = pyarrow.parquet.read_table("output/part-00001.parquet")["file"].to_pylist()
    assert sorted({*names}) == ["texts/2.md", "texts/3.md"]


HEAD_JOBS: dict[str, tuple[str, Callable[[str], TableJob]]] = {
    "classify": (
        "sequence_classification",
        lambda model: ClassifyJob(
            ("in.parquet",), skip_invalid=True, shard_rows=4, model=model, pair_column="context"
        ),
    ),
    "tag": (
        "token_classification",
        lambda model: TagJob(("in.parquet",), skip_invalid=True, shard_rows=4, model=model),
    ),
    "answer": (
        "question_answering",
        lambda model: AnswerJob(("in.parquet",), skip_invalid=True, shard_rows=4, model=model),
    ),
    "choose": (
        "multiple_choice",
        lambda model: ChooseJob(
            ("in.parquet",), skip_invalid=True, shard_rows=4, model=model, choices=("yes", "no")
        ),
    ),
}


@pytest.mark.parametrize("task", HEAD_JOBS)
def test_a_worker_makes_the_same_shards_of_each_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    monkeypatch.chdir(tmp_path)
    head, make_job = HEAD_JOBS[task]
    save_head(tmp_path / "model", head)
    rows = [f"the king {number}" for number in range(10)]
    contexts = [None if number == 5 else text for number, text in enumerate(rows)]
    table = pyarrow.table({"text": rows, "context": contexts})
    pyarrow.parquet.write_table(table, "in.parquet")
    job = replace(make_job("model"), column="text", load=NUMPY)
    with start_job(job, "alone") as open_job:
        run_job(open_job)
    with start_job(job, "output", inputs=find_countable_inputs(job)) as open_job:
        work: JobWork = pickle.loads(pickle.dumps(JobWork.from_job(open_job)))  # noqa: S301
        make = work.open()
        invalid = sum(make(number).invalid for number in (2, 1, 0))
    assert invalid == (1 if task in ("classify", "answer") else 0)
    made, whole = (
        {path.name: path.read_bytes() for path in Path(name).iterdir()}
        for name in ("output", "alone")
    )
    assert made == whole


def test_a_worker_without_the_output_directory_is_refused(tmp_path: Path) -> None:
    work = JobWork(EmbedJob(()), find_inputs(()), Shards(tmp_path / "elsewhere"))
    with pytest.raises(ResourceError) as refused:
        work.open()
    assert refused.value.diagnostic.code == "output-not-shared"
    assert str(tmp_path / "elsewhere") in str(refused.value)
