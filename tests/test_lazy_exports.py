"""A package's lazy names are those that it declares to type checkers."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import albertkit
from albertkit.lazy_exports import attach

PACKAGE = Path(albertkit.__file__).parent
LAZY_PACKAGES = [
    path.parent.name for path in PACKAGE.glob("*/__init__.py") if "attach(" in path.read_text()
]


def read_declared(package: str) -> dict[str, str]:
    """Name → module, from the imports for type checkers."""
    tree = ast.parse((PACKAGE / package / "__init__.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    inside = [node for node in imports if (node.module or "").startswith(f"albertkit.{package}.")]
    prefix = f"albertkit.{package}."
    return {
        name.name: (node.module or "").removeprefix(prefix)
        for node in inside
        for name in node.names
    }


def read_table(package: str) -> dict[str, str]:
    """Name → module, from the table of `attach`."""
    tree = ast.parse((PACKAGE / package / "__init__.py").read_text())
    table = next(node for node in ast.walk(tree) if isinstance(node, ast.Dict))
    return {
        name: module_name
        for module_name, names in ast.literal_eval(table).items()
        for name in names
    }


def test_some_packages_have_lazy_names() -> None:
    assert "tables" in LAZY_PACKAGES


@pytest.mark.parametrize("package", LAZY_PACKAGES)
def test_a_lazy_name_is_the_one_that_is_declared(package: str) -> None:
    assert read_table(package) == read_declared(package)
    module = import_module(f"albertkit.{package}")
    for name, module_name in read_table(package).items():
        assert getattr(module, name) is getattr(
            import_module(f"albertkit.{package}.{module_name}"), name
        )


@pytest.mark.parametrize("package", LAZY_PACKAGES)
def test_no_lazy_name_is_a_module_too(package: str) -> None:
    """Importing the module would replace the name."""
    files = {path.stem for path in (PACKAGE / package).glob("*.py")}
    assert set(read_table(package)) & files == set()


@pytest.mark.parametrize("package", LAZY_PACKAGES)
def test_a_package_shows_its_lazy_names_without_importing_their_modules(package: str) -> None:
    look = f"import sys, albertkit.{package}; print(*dir(albertkit.{package})); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    shown, modules = (line.split() for line in done.stdout.splitlines())
    assert read_table(package).keys() <= set(shown)
    assert [name for name in modules if name.startswith(f"albertkit.{package}.")] == []


@pytest.mark.parametrize("package", LAZY_PACKAGES)
def test_a_star_import_gives_all_lazy_names(package: str) -> None:
    given: dict[str, object] = {}
    exec(f"from albertkit.{package} import *", given)  # noqa: S102  # as a person would
    assert read_table(package).keys() <= given.keys()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(
        AttributeError, match=r"module .albertkit\.tables. has no attribute .nothing."
    ):
        attach("albertkit.tables", {"table": ("Table",)})[0]("nothing")
