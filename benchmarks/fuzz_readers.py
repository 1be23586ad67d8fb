"""Feed the readers of strangers' files with what atheris thinks up: only our errors may come out.

    pip install atheris
    python benchmarks/fuzz_readers.py torchzip --seconds 60

Any other exception, ten seconds for one input, or a gigabyte of memory ends the run and leaves the
input as a file whose name begins with `--prefix`. The suite runs the same readers over mutated
files by hypothesis.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["albertkit"]):
    from albertkit.checkpoints import Checkpoint
    from albertkit.checkpoints.onnx.format import ONNX
    from albertkit.errors import AlbertKitError
    from albertkit.fileformats.archives.extraction import ExtractedArchive, extract_archive
    from albertkit.fileformats.hdf5.file import read_hdf5
    from albertkit.fileformats.onnx.model_file import read_onnx
    from albertkit.fileformats.reader import parse_json
    from albertkit.fileformats.safetensors import read_safetensors, write_safetensors
    from albertkit.fileformats.sentencepiece_model import read_sentencepiece_model
    from albertkit.fileformats.tensorflow.saved_model import read_saved_model
    from albertkit.fileformats.tensorflow.tensor_bundle import read_bundle
    from albertkit.fileformats.torch_zip import read_torch
    from albertkit.spec import AlbertConfig, Weights, parameter_table

FIXTURES = Path(__file__).resolve().parents[1] / "tests" / "fixtures"
BUNDLE = FIXTURES / "tf1_tiny_squad1"
PREFIX = "model.ckpt-best"
SMALL = {"a.weight": np.ones((2, 3), np.float32), "b": np.zeros(3, np.float32)}
SECONDS_FOR_ONE, MEGABYTES = 10, 1024


@dataclass(frozen=True)
class Target:
    """A reader: how it takes bytes in a folder of its own, and files to begin with."""

    take: Callable[[bytes, Path], object]
    seeds: Callable[[Path], list[bytes]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--prefix", default="fuzz-", help="what the names of bad inputs begin with")
    asked = parser.parse_args()
    target = TARGETS[asked.target]
    with tempfile.TemporaryDirectory() as folder:
        directory, corpus = Path(folder) / "place", Path(folder) / "corpus"
        directory.mkdir()
        corpus.mkdir()
        for number, seed in enumerate(target.seeds(directory)):
            (corpus / str(number)).write_bytes(seed)

        def try_one(data: bytes) -> None:
            with contextlib.suppress(AlbertKitError):
                target.take(data, directory)

        atheris.Setup(
            [
                sys.argv[0],
                f"-max_total_time={asked.seconds}",
                f"-timeout={SECONDS_FOR_ONE}",
                f"-rss_limit_mb={MEGABYTES}",
                f"-artifact_prefix={asked.prefix}",
                str(corpus),
            ],
            try_one,
        )
        atheris.Fuzz()


def of_file(read: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    """A reader of one file; arrays that it gives are read too."""

    def take(data: bytes, directory: Path) -> None:
        path = directory / "file"
        path.write_bytes(data)
        result = read(path)
        if isinstance(result, Mapping):
            for name in result:
                result[name]

    return take


def take_saved_model(data: bytes, directory: Path) -> None:
    (directory / "saved_model.pb").write_bytes(data)
    read_saved_model(directory)


def take_index(data: bytes, directory: Path) -> None:
    """The index of a bundle, whose data stay as they are."""
    shard = f"{PREFIX}.data-00000-of-00001"
    if not (directory / shard).exists():
        (directory / shard).write_bytes((BUNDLE / shard).read_bytes())
    (directory / f"{PREFIX}.index").write_bytes(data)
    read_bundle(directory / PREFIX)


def take_archive(data: bytes, directory: Path) -> None:
    (directory / "archive").write_bytes(data)
    ExtractedArchive(directory / "archive").close()


def small_safetensors(directory: Path) -> list[bytes]:
    write_safetensors(directory / "file", SMALL)
    return [(directory / "file").read_bytes()]


def small_torch_files(directory: Path) -> list[bytes]:
    import torch

    states = {name: torch.from_numpy(array) for name, array in SMALL.items()}
    values = []
    for form in (True, False):
        torch.save(states, directory / "file", _use_new_zipfile_serialization=form)
        values.append((directory / "file").read_bytes())
    return values


def small_onnx(directory: Path) -> list[bytes]:
    """A file of ours, of an ALBERT of one layer."""
    sizes = {"vocab_size": 5, "embedding_size": 2, "hidden_size": 4, "intermediate_size": 4}
    sizes |= {"num_attention_heads": 2, "num_hidden_layers": 1, "max_position_embeddings": 3}
    config = AlbertConfig.from_dict(sizes)
    table = parameter_table(config, pooler=True)
    arrays = {row.name: np.ones(row.shape, np.float32) for row in table.stored}
    ONNX.write(Checkpoint(Weights(config, (), arrays)), directory / "onnx")
    return [(directory / "onnx" / "model.onnx").read_bytes()]


def small_archives(_: Path) -> list[bytes]:
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/config.json", "{}" * 50)
    with tarfile.open(fileobj=tarred, mode="w:") as archive:
        member = tarfile.TarInfo("m/" + "long" * 30)
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    return [zipped.getvalue(), tarred.getvalue()]


def from_fixture(archive: str, name: str) -> Callable[[Path], list[bytes]]:
    def seeds(directory: Path) -> list[bytes]:
        extract_archive(FIXTURES / archive, directory)
        return [path.read_bytes() for path in directory.rglob(name)]

    return seeds


TARGETS = {
    "safetensors": Target(of_file(read_safetensors), small_safetensors),
    "torchzip": Target(of_file(read_torch), small_torch_files),
    "archives": Target(take_archive, small_archives),
    "tensorbundle": Target(take_index, lambda _: [(BUNDLE / f"{PREFIX}.index").read_bytes()]),
    "saved_model": Target(
        take_saved_model, from_fixture("tfhub_tiny_v3_nomlm.tar.gz", "saved_model.pb")
    ),
    "hdf5": Target(of_file(read_hdf5), from_fixture("kerashub_tiny.tar.gz", "model.weights.h5")),
    "onnx": Target(of_file(read_onnx), small_onnx),
    "sentencepiece": Target(
        lambda data, _: read_sentencepiece_model(data, "fuzzed"),
        lambda _: [(FIXTURES / "tiny_sp1000.model").read_bytes()[:5000]],
    ),
    "config": Target(
        lambda data, _: AlbertConfig.from_dict(parse_json(data, "fuzzed")),
        lambda _: [b'{"hidden_size": 32, "id2label": {"0": "a"}, "hidden_act": "relu"}'],
    ),
}

if __name__ == "__main__":
    main()
