"""Used as most use it, albertkit writes nothing at home, opens no socket and starts no process.

Nor does it import what a short text does not need: that is what a cold start costs.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.native import needs_native
from tests.support.watched import run_watched

HEAVY = (
    "{'openvino', 'torch', 'pyarrow', 'transformers', 'tokenizers', 'matplotlib', 'ray', 'gzip'}"
)
COMMANDS = """
from albertkit.cli.main import run
for line in (["embed", "a text"], ["fill-mask", "a [MASK]"]):
    assert run([*line, "--engine", {engine!r}]) == 0
assert ("openvino" in sys.modules) == ({engine!r} == "openvino")
"""
CALLS = """
import albertkit
albertkit.TextEmbedder(engine={engine!r}).encode("a text")
albertkit.FillMask(engine={engine!r})("a [MASK]")
"""


@pytest.mark.parametrize(
    "engine", [pytest.param("native", marks=needs_native), "numpy", "openvino"]
)
@pytest.mark.parametrize("work", [COMMANDS, CALLS], ids=["commands", "calls"])
def test_nothing_is_written_called_or_started(work: str, engine: str, tmp_path: Path) -> None:
    if engine == "openvino":
        import openvino  # noqa: F401 - the plain half lacks it

    done = run_watched(work.format(engine=engine), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.rglob("*")) == []


def test_a_written_file_would_be_seen(tmp_path: Path) -> None:
    run_watched("import pathlib; pathlib.Path.home().joinpath('.cache').mkdir()", tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == [".cache"]


@pytest.mark.parametrize("command", ["['embed', 'a text']", "['fill-mask', 'a [MASK]']"])
def test_a_short_text_in_a_fresh_process_imports_nothing_heavy(
    command: str, tmp_path: Path
) -> None:
    program = (
        f"from albertkit.cli.main import run\nassert run({command}) == 0\n"
        f"found = {{name.partition('.')[0] for name in sys.modules}} & {HEAVY}\n"
        "sys.exit(f'imported: {found}' if found else 0)\n"
    )
    done = run_watched(program, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


# What `albertkit embed "text"` does not need: other formats, files, jobs, commands, engines.
UNUSED = {
    "albertkit.checkpoints": "bert.format keras_hub.format model_garden.format names"
    " onnx.format"
    " tf1.format tf1.hub_module tfhub.format tokenizer_files unrecognised",
    "albertkit.cli": "answer choose classify convert corpus distil explain fill_mask inspect"
    " loss_plot models prepare_distillation pretrain screen shard_job shards similarity tag tokens"
    " verify vocabulary",
    "albertkit.engine": "native.int8_error openvino.engine processor openvino_library",
    "albertkit.fileformats": "archives.extraction atomic hdf5.file onnx.model_file pickle_reader"
    " sharded_tensors tensorflow.saved_model tensorflow.tensor_bundle"
    " torch_zip",
    "albertkit.graph": "onnx.graph quantization",
    "albertkit.spec": "presets",
    "albertkit.tables": "arrow.writing readers.table_file filesystems.remote readers.inputs"
    " readers.batches writers.shards writers.sharded_sink writers.files",
    "albertkit.tasks": "answer answer_spans choose classify fill_mask head_call head_jobs"
    " jobs.job_rows jobs.run_job jobs.shard pipelines tag token_windows vector_file",
    "albertkit.tokenization": "align call feature_padding tokenizer_json.reading saved_files"
    " saved_model_vocabulary tied_paths tokenizer_json.rules wordpiece",
    "concurrent": "futures",  # a thread that reads ahead
}
PACKAGES = "{'conversion', 'hub', 'model', 'pretraining', 'distributed', 'training'}"
# Of ours, each of which is half a millisecond; there were 206. Four are the native engine, and one
# is the choice between it, OpenVINO and numpy.
MOST_FILES = 85


def files_unused(*packages: str) -> set[str]:
    return {f"{package}.{file}" for package in packages for file in UNUSED[package].split()}


def test_a_plain_embed_imports_what_it_uses(tmp_path: Path) -> None:
    program = (
        "from albertkit.cli.main import run\nassert run(['embed', 'a text']) == 0\n"
        "ours = [name for name in sys.modules if name.split('.')[0] == 'albertkit']\n"
        f"found = {{*sys.modules}} & {files_unused(*UNUSED)}\n"
        f"found |= {{name.split('.')[1] for name in ours if '.' in name}} & {PACKAGES}\n"
        f"found |= {{str(len(ours))}} if len(ours) > {MOST_FILES} else set()\n"
        "sys.exit(f'imported: {found}' if found else 0)\n"
    )
    done = run_watched(program, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", ["['tokens', 'a']", "['similarity', 'a', 'b']"])
def test_texts_as_arguments_import_no_reader_of_files(command: str, tmp_path: Path) -> None:
    unused = files_unused("albertkit.tables", "albertkit.checkpoints", "albertkit.fileformats")
    program = (
        f"from albertkit.cli.main import run\nassert run({command}) == 0\n"
        f"found = {{*sys.modules}} & {unused}\n"
        "sys.exit(f'imported: {found}' if found else 0)\n"
    )
    done = run_watched(program, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_plain_embed_does_not_use_is_there() -> None:
    """A file under a new name would be imported unseen."""
    for file in files_unused(*UNUSED):
        assert find_spec(file) is not None, file


@pytest.mark.parametrize(
    "first", ["import albertkit", "from albertkit.cli.main import run; run(['--help'])"]
)
def test_the_package_and_its_help_import_no_numpy(first: str, tmp_path: Path) -> None:
    done = run_watched(f"{first}\nassert 'numpy' not in sys.modules\n", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
