"""The environment: installed versions that do not go together. Nothing is imported."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions

from albertkit.doctor.catalogue import find_symptom
from albertkit.errors import Diagnostic

SHOWN_PACKAGES = (
    "albertkit", "numpy", "torch", "transformers", "tokenizers", "sentencepiece",
    "sentence-transformers", "huggingface-hub", "safetensors", "tensorflow", "tensorflow-cpu",
    "tensorflow-text", "tensorflow-hub", "keras", "tf-keras", "keras-hub", "onnx", "onnxruntime",
    "openvino", "setuptools",
)  # fmt: skip
TENSORFLOWS = ("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tf-nightly")
FIRST_FOR_NUMPY2 = {  # the first versions that were compiled for NumPy 2, from their release notes
    "torch": (2, 3),
    "tensorflow": (2, 18),
    "onnxruntime": (1, 19),
}


def list_versions() -> dict[str, str]:
    """The versions of all installed packages, by their normalized names."""
    versions: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            versions.setdefault(re.sub(r"[-_.]+", "-", name).lower(), distribution.version)
    return versions


def describe_environment() -> dict[str, str]:
    """What to paste into a bug report: Python, the system, and versions of what matters."""
    versions = list_versions()
    return {
        "Python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{name: versions[name] for name in SHOWN_PACKAGES if name in versions},
    }


def check_environment(versions: Mapping[str, str] | None = None) -> Iterator[Diagnostic]:
    """Compare the versions of what is installed.

    Args:
        versions: package → version; None: what is installed for this Python.
    """
    versions = list_versions() if versions is None else versions
    where = sys.prefix
    tensorflows = [name for name in TENSORFLOWS if name in versions]
    tensorflow = versions[tensorflows[0]] if tensorflows else ""
    if len(tensorflows) > 1 and set(tensorflows) != {"tensorflow", "tensorflow-macos"}:
        listed = ", ".join(f"{name} {versions[name]}" for name in tensorflows)
        yield find_symptom("two-tensorflows").diagnose(where, evidence=listed, packages=listed)
    text = versions.get("tensorflow-text")
    if text and tensorflow and shorten_version(text) != shorten_version(tensorflow):
        yield find_symptom("tensorflow-text-minor").diagnose(
            where,
            evidence=f"{text} and {tensorflow}",
            text=text,
            tensorflow=tensorflow,
            tensorflow_minor=shorten_version(tensorflow),
        )
    hub, setuptools = versions.get("tensorflow-hub"), versions.get("setuptools", "0")
    if hub and _parse_version(hub) <= (0, 16) and _parse_version(setuptools) >= (82, 0):
        yield find_symptom("hub-without-pkg-resources").diagnose(
            where, evidence=f"setuptools {setuptools}", setuptools=setuptools, hub=hub
        )
    keras = versions.get("keras")
    if hub and keras and _parse_version(keras) >= (3, 0) and "tf-keras" not in versions:
        yield find_symptom("keras3-with-hub").diagnose(
            where,
            evidence=f"keras {keras}",
            keras=keras,
            tensorflow_minor=shorten_version(tensorflow),
        )
    transformers = versions.get("transformers")
    if transformers and _parse_version(transformers) >= (5, 0):
        yield find_symptom("transformers-5").diagnose(
            where, evidence=f"transformers {transformers}", version=transformers
        )
    elif transformers and "sentencepiece" not in versions:
        yield find_symptom("sentencepiece-not-installed").diagnose(
            where, evidence=f"transformers {transformers}", version=transformers
        )
    if "onnxruntime" in versions and "onnxruntime-gpu" in versions:
        yield find_symptom("onnxruntime-twice").diagnose(
            where, evidence=f"{versions['onnxruntime']} and {versions['onnxruntime-gpu']}"
        )
    numpy = versions.get("numpy", "")
    for library, first in FIRST_FOR_NUMPY2.items():
        version = versions.get(library)
        if version and _parse_version(numpy) >= (2, 0) and _parse_version(version) < first:
            yield find_symptom("numpy-2-with-old-library").diagnose(
                where,
                evidence=f"numpy {numpy}, {library} {version}",
                numpy=numpy,
                library=library,
                version=version,
            )


def shorten_version(version: str) -> str:
    """Shorten a version: 2.20.1 → 2.20."""
    return ".".join(version.split(".")[:2])


def _parse_version(version: str) -> tuple[int, int]:
    major, second, *_ = [*map(int, re.findall(r"\d+", version)), 0, 0]
    return major, second
