"""torch is the oracle: we read what it writes, and refuse what `weights_only` refuses."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from albertkit.errors import AlbertKitError, FormatError
from albertkit.fileformats.torch_zip import read_torch

ZIP, OLDER = True, False  # torch's own flag for the two forms
FORMS = [pytest.param(ZIP, id="zip"), pytest.param(OLDER, id="older form")]


def state_dict(dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    module = torch.nn.Linear(7, 5)
    states = module.state_dict()  # an OrderedDict with the versions of its modules
    shared = torch.randn(4, 6)
    states["tied"] = states["weight"]
    states["parameter"] = torch.nn.Parameter(torch.randn(3))
    states["transposed"] = shared.t()
    states["slice"] = shared[1:3, 2:5]
    states["scalar"] = torch.tensor(3.5)
    states["empty"] = torch.zeros(0, 4)
    return {name: value.to(dtype) for name, value in states.items()}


def save_tensors(tensors: object, path: Path, form: bool) -> Path:
    torch.save(tensors, path, _use_new_zipfile_serialization=form)
    return path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_we_read_what_torch_writes(form: bool, dtype: torch.dtype, tmp_path: Path) -> None:
    path = save_tensors(state_dict(dtype), tmp_path / "a.bin", form)
    tensors, oracle = read_torch(path), torch.load(path, weights_only=True)
    assert list(tensors) == list(oracle)
    assert tensors.shapes == {name: tuple(value.shape) for name, value in oracle.items()}
    for name, value in oracle.items():
        assert tensors[name].dtype == np.float32
        assert not tensors[name].flags.writeable
        np.testing.assert_array_equal(tensors[name], value.detach().float().numpy())


def test_float32_arrays_are_views_of_the_file(tmp_path: Path) -> None:
    tensors = read_torch(save_tensors({"w": torch.randn(2, 3).t()}, tmp_path / "a.bin", ZIP))["w"]
    base: Any = tensors
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    assert not isinstance(base, np.ndarray)  # the mapped file itself


@pytest.mark.parametrize("form", FORMS)
def test_whole_numbers_are_listed_but_are_no_weights(form: bool, tmp_path: Path) -> None:
    states = {"ids": torch.arange(4), "w": torch.ones(2)}
    tensors = read_torch(save_tensors(states, tmp_path / "a.bin", form))
    assert tensors.shapes == {"ids": (4,), "w": (2,)}
    with pytest.raises(FormatError, match=r"ids is of type I64.*\[file-wrong-format\]"):
        tensors["ids"]


class Code:
    """What an attacker pickles: a call that unpickling makes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("inside", ["value", "alone", "in a list"])
def test_code_in_a_file_is_named_and_never_run(form: bool, inside: str, tmp_path: Path) -> None:
    trap = Code(tmp_path / "made")
    states: object = {"value": {"w": trap}, "alone": trap, "in a list": [torch.ones(1), trap]}[
        inside
    ]
    path = save_tensors(states, tmp_path / "a.bin", form)
    with pytest.raises(FormatError, match=r"names posix.mkdir; .*\[file-with-code\]"):
        read_torch(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("form", FORMS)
def test_a_whole_pickled_model_is_refused_by_its_class(form: bool, tmp_path: Path) -> None:
    path = save_tensors(torch.nn.Linear(2, 2), tmp_path / "a.bin", form)
    with pytest.raises(FormatError, match=r"linear.Linear; .*state_dict.*\[file-with-code\]"):
        read_torch(path)


@pytest.mark.parametrize(
    ("tensors", "outline"),
    [
        ({"state_dict": {"w": torch.ones(1)}, "epoch": 3}, r"'state_dict' \(dict\), 'epoch' \(int"),
        ([torch.ones(1)], "holds a list"),
        ({3: torch.ones(1)}, r"3 \(Called\)"),
        (torch.ones(1), "holds a Called"),
    ],
)
def test_another_object_than_a_dict_of_tensors_is_described(
    tensors: object, outline: str, tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match=rf"{outline}.*\[file-wrong-format\]"):
        read_torch(save_tensors(tensors, tmp_path / "a.bin", ZIP))


# Files written by hand, to be wrong in one point.


class Storage:
    pass


class Tensor:
    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments

    def __reduce__(self) -> tuple[object, ...]:
        return torch._utils._rebuild_tensor_v2, (Storage(), *self.arguments, False, {})


def objects(value: object, key: tuple[object, ...]) -> bytes:
    class Pickler(pickle.Pickler):
        def persistent_id(self, value: object) -> object:
            return key if isinstance(value, Storage) else None

    out = io.BytesIO()
    Pickler(out, 2).dump(value)
    return out.getvalue()


def six_numbers(*arguments: object) -> bytes:
    """A file with one tensor on a storage of six numbers."""
    return objects({"w": Tensor(*arguments)}, ("storage", torch.FloatStorage, "0", "cpu", 6))


def archive(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()


NUMBERS = np.arange(6, dtype="<f4").tobytes()
RIGHT = {"a/data.pkl": six_numbers(0, (2, 3), (3, 1)), "a/data/0": NUMBERS}


def with_objects(data: bytes) -> bytes:
    return archive(RIGHT | {"a/data.pkl": data})


BROKEN = {
    "an end outside": (with_objects(six_numbers(1, (2, 3), (3, 1))), "is not within"),
    "strides outside": (with_objects(six_numbers(0, (2, 3), (4, 1))), "is not within"),
    "a number repeated": (with_objects(six_numbers(0, (10**9,), (0,))), "is not within"),
    "an axis of 2**80": (with_objects(six_numbers(0, (2**80,), (1,))), "is not within"),
    "a huge empty shape": (with_objects(six_numbers(0, (0, 2**70), (1, 1))), "is not within"),
    "a negative offset": (with_objects(six_numbers(-1, (2,), (1,))), "is not within"),
    "a negative stride": (with_objects(six_numbers(2, (2,), (-1,))), "is not within"),
    "a negative size": (with_objects(six_numbers(0, (-2,), (1,))), "is not within"),
    "a size that is a text": (with_objects(six_numbers(0, ("2",), (1,))), "is not within"),
    "fewer strides": (with_objects(six_numbers(0, (2, 3), (1,))), "not pickled as a tensor"),
    "a storage that is not there": (archive({"a/data.pkl": RIGHT["a/data.pkl"]}), "is missing"),
    "a storage of another size": (archive(RIGHT | {"a/data/0": NUMBERS[4:]}), "has 20 bytes"),
    "compressed": (archive(RIGHT, zipfile.ZIP_DEFLATED), "is compressed"),
    "big-endian": (archive(RIGHT | {"a/byteorder": b"big"}), "big-endian"),
    "another kind of reference": (
        with_objects(objects({"w": Tensor(0, (1,), (1,))}, ("module", "os", "0", "cpu", 6))),
        "not pickled as a tensor",
    ),
    "no data.pkl": (archive({"config.json": b"{}"}), "holds config.json"),
    "no directory": (archive(RIGHT)[:-30], "no directory at its end"),
    "a tar archive": (b"sys_info".ljust(257, b"\0") + b"ustar\0" + bytes(249), "tar archive"),
    "another file": (b"GGUF and so on", "begins with b'GGUF"),
    "other pickled objects": (pickle.dumps({"a": 1}, 2), "not as torch saves them"),
    "an unknown protocol": (with_objects(pickle.dumps({}, 4)), "protocol 4"),
    "an instruction that tensors don't need": (
        with_objects(b"\x80\x02cos\nsystem\n\x93."),
        "names os.system",
    ),
    "instructions without end": (with_objects(b"\x80\x02" + b"N" * 250_001), "more than"),
    "objects without end": (with_objects(b"\x80\x02("), "ends 1 byte early"),
    "a shared tuple of a billion parts": (
        with_objects(b"\x80\x02)q\x00" + b"h\x00h\x00\x86q\x00" * 60 + b"."),
        "holds a tuple",
    ),
    "a key of a billion parts": (
        with_objects(b"\x80\x02}q\x01)q\x00" + b"h\x00h\x00\x86q\x00" * 60 + b"h\x01h\x00Ns."),
        "neither a number nor a text",
    ),
    "references into each other": (with_objects(b"\x80\x02N" + b"Q" * 100_000 + b"."), "Reference"),
}


@pytest.mark.parametrize(("data", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_one_line_and_no_memory(data: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(data)
    with pytest.raises(FormatError, match=reason) as caught:
        read_torch(tmp_path / "a.bin")
    assert "\n" not in str(caught.value)


def test_the_hand_written_file_is_right_where_nothing_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(archive(RIGHT))
    np.testing.assert_array_equal(
        read_torch(tmp_path / "a.bin")["w"], np.arange(6, dtype=np.float32).reshape(2, 3)
    )


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("torch")
    return [
        save_tensors(state_dict(), folder / "a.bin", form).read_bytes() for form in (ZIP, OLDER)
    ]


def test_a_file_cut_anywhere_is_refused(whole_files: list[bytes], tmp_path: Path) -> None:
    for whole in whole_files:
        for length in range(0, len(whole) - 1, 13):
            (tmp_path / "a.bin").write_bytes(whole[:length])
            with pytest.raises(FormatError):
                read_torch(tmp_path / "a.bin")


@settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(which=st.integers(0, 1), cut=st.none() | st.floats(0, 1), changes=st.data())
def test_a_mutated_file_gives_arrays_or_our_error(
    which: int, cut: float | None, changes: st.DataObject, whole_files: list[bytes], tmp_path: Path
) -> None:
    data = bytearray(whole_files[which])
    for _ in range(changes.draw(st.integers(1, 6))):
        offset = changes.draw(st.integers(0, len(data) - 1))
        data[offset] = changes.draw(st.integers(0, 255))
    if cut is not None:
        del data[int(len(data) * cut) :]
    (tmp_path / "a.bin").write_bytes(data)
    try:
        tensors = read_torch(tmp_path / "a.bin")
        largest = max((tensors[name].size for name in tensors), default=0)
    except AlbertKitError:
        largest = 0
    assert largest <= len(data)
