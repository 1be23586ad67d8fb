"""The optional extras of the package: which library each brings, and how to install it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType, ModuleType

from albertkit.errors.exceptions import ResourceError

EXTRA_OF: Mapping[str, str] = MappingProxyType(
    {
        "torch": "torch",
        "pyarrow": "tables",
        "ray": "ray",
        "matplotlib": "plots",
        "tensorflow": "tensorflow",
        "tensorflow_text": "tensorflow",
    }
)
# As in pyproject.toml (tests/errors/test_extras.py). Messages name these and not the extra:
# `pip install 'albertkit[torch]'` would need albertkit on a package index, and it is on none.
REQUIREMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "torch": ("torch>=2.6",),
        "tables": ("pyarrow>=20",),
        "ray": ("pyarrow>=20", "ray[data]>=2.60"),
        "plots": ("matplotlib>=3.9",),
        "tensorflow": (
            "setuptools<81",
            "tensorflow-text==2.20.*",
            "tensorflow_hub==0.16.1",
            "tf_keras==2.20.*",
        ),
    }
)


def import_extra(library: str, feature: str) -> ModuleType:
    """Import a library that the plain install does without.

    Args:
        library: The module's name.
        feature: What needs it, as the subject of the message: "a Parquet file".

    Returns:
        The module.

    Raises:
        ResourceError: [extra-missing] if it is not installed.
    """
    try:
        return import_module(library)
    except ModuleNotFoundError as error:
        package = library.partition(".")[0]
        if error.name != package:
            raise
        raise extra_missing(package, feature) from error


class ExtraImportError(ResourceError, ImportError):
    """`from albertkit import X` for a class that needs a missing extra."""


class ExtraAttributeError(ResourceError, AttributeError):
    """`albertkit.X` for a class that needs a missing extra; so `hasattr` is False."""


def extra_missing(
    library: str, feature: str, kind: type[ResourceError] = ResourceError
) -> ResourceError:
    """Make the error that says how to install `library`, which `feature` needs."""
    return kind(
        "extra-missing",
        f"{feature} needs {library}, which is not installed",
        why="the plain install does not include it",
        fix=f"Run: {install_command(EXTRA_OF[library])}",
    )


def install_command(extra: str) -> str:
    """Write the command that installs the libraries of an extra, with any kind of install."""
    requirements = (f"'{name}'" for name in REQUIREMENTS[extra])
    return f"pip install {' '.join(requirements)}"
