"""The exceptions, the diagnostic that each holds, and the words that messages share.

A diagnostic is what is wrong, why that is wrong, what to do, and a stable code. An exception holds
one, the command line prints one, a server returns one: always the same text.

AlbertKitError
├── InputError (also ValueError)       exit 2   an argument or a text cannot be used
├── FormatError (also ValueError)      exit 2   a file is damaged, or has another format
└── ResourceError (also RuntimeError)  exit 3   an extra is missing, a disk full, a hub unreachable

Any other exception that leaves the package is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Literal, Self

Severity = Literal["error", "warning", "note"]
Basis = Literal["measured", "recognised", "guess"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A warning or an error, in four parts; a diagnosis also says how it is known."""

    code: str  # kebab-case, listed in errors/codes.py, never changes
    severity: Severity
    what: str  # what is wrong, with the value seen
    why: str = ""  # why that is wrong
    fix: str = ""  # what to do
    where: str = ""  # file, row, column or key
    evidence: str = ""  # the numbers or the words that show it
    basis: Basis = "measured"  # on this input; or recognised by its words; or a guess
    changes_numbers: bool = False  # whether the fix changes what the model computes

    def line(self) -> str:
        """Format the line that people see: `what; why. fix. [code]`."""
        location = f"{self.where}: " if self.where else ""
        what = self.what if not self.why else f"{self.what}; {self.why}"
        sentences = [what, self.fix] if self.fix else [what]
        text = " ".join(part if part.endswith("?") else f"{part}." for part in sentences)
        return f"{location}{text} [{self.code}]"


class AlbertKitError(Exception):
    """An error with a Diagnostic; `str(error)` is its line."""

    exit_status = 2

    def __init__(
        self, code: str, what: str, *, why: str = "", fix: str = "", where: str = ""
    ) -> None:
        """Make the diagnostic of the error.

        Args:
            code: one of `albertkit.errors.codes`.
            what: what is wrong, with the value.
            why: why that is wrong.
            fix: what to do.
            where: file, row, column or key.
        """
        self.diagnostic = Diagnostic(code, "error", what, why, fix, where)
        super().__init__(self.diagnostic.line())

    def __reduce__(self) -> tuple[partial[Self], tuple[()]]:
        """Keep the parts when sent to another process; by default only the line would arrive."""
        f = self.diagnostic
        return partial(type(self), f.code, f.what, why=f.why, fix=f.fix, where=f.where), ()


class InputError(AlbertKitError, ValueError):
    """An argument or a text cannot be used."""


class FormatError(AlbertKitError, ValueError):
    """A file is truncated, damaged, or of another format than its name says."""


class ResourceError(AlbertKitError, RuntimeError):
    """A resource is missing: an extra, disk space, a hub that answers."""

    exit_status = 3


def count_noun(count: int, noun: str) -> str:
    """Write a count with its noun: "1 row", "2,000 rows"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def list_names(names: Sequence[str], most: int = 3) -> str:
    """Join the first `most` names with commas; an ellipsis stands for the rest."""
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")


def find_nearest_name(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Find the known name that is most like a misspelt one.

    Args:
        name: The name that the user wrote.
        known: The names that would be accepted.
        cutoff: The least similarity, from 0 (anything) to 1 (equal).

    Returns:
        The nearest name, or None if no name is similar enough.
    """
    from difflib import get_close_matches  # imported only when there is an error to report

    return next(iter(get_close_matches(name, list(known), 1, cutoff)), None)


def take_first_line(message: Exception | str) -> str:
    """Take the first line of another library's message, without its full stop."""
    return str(message).partition("\n")[0].rstrip(".")


EXTRA_OF: Mapping[str, str] = MappingProxyType(
    {
        "torch": "torch",
        "openvino": "openvino",
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
        "openvino": ("openvino>=2026.0",),
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
        raise extra_missing_error(package, feature) from error


class ExtraImportError(ResourceError, ImportError):
    """`from albertkit import X` for a class that needs a missing extra."""


class ExtraAttributeError(ResourceError, AttributeError):
    """`albertkit.X` for a class that needs a missing extra; so `hasattr` is False."""


def extra_missing_error(
    library: str, feature: str, kind: type[ResourceError] = ResourceError
) -> ResourceError:
    """Make the error that says how to install `library`, which `feature` needs."""
    return kind(
        "extra-missing",
        f"{feature} needs {library}, which is not installed",
        why="the plain install does not include it",
        fix=f"Run: {make_install_command(EXTRA_OF[library])}",
    )


def make_install_command(extra: str) -> str:
    """Write the command that installs the libraries of an extra, with any kind of install."""
    requirements = (f"'{name}'" for name in REQUIREMENTS[extra])
    return f"pip install {' '.join(requirements)}"
