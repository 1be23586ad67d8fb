"""A room's lazy face gives at run time the names that it declares to type checkers."""

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
ROOMS = [
    path.parent.name for path in PACKAGE.glob("*/__init__.py") if "attach(" in path.read_text()
]


def declared(room: str) -> dict[str, str]:
    """Name → file, as the face's imports for type checkers say."""
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    inside = [node for node in imports if (node.module or "").startswith(f"albertkit.{room}.")]
    prefix = f"albertkit.{room}."
    return {
        name.name: (node.module or "").removeprefix(prefix)
        for node in inside
        for name in node.names
    }


def listed(room: str) -> dict[str, str]:
    """Name → file, as the face fetches them."""
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text())
    table = next(node for node in ast.walk(tree) if isinstance(node, ast.Dict))
    return {name: file for file, names in ast.literal_eval(table).items() for name in names}


def test_some_rooms_have_a_lazy_face() -> None:
    assert "tables" in ROOMS


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_fetches_what_it_declares(room: str) -> None:
    assert listed(room) == declared(room)
    module = import_module(f"albertkit.{room}")
    for name, file in listed(room).items():
        assert getattr(module, name) is getattr(import_module(f"albertkit.{room}.{file}"), name)


@pytest.mark.parametrize("room", ROOMS)
def test_no_name_of_a_face_is_a_files_too(room: str) -> None:
    """Importing the file would put the module in the name's place."""
    files = {path.stem for path in (PACKAGE / room).glob("*.py")}
    assert set(listed(room)) & files == set()


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_alone_shows_its_names_and_imports_no_file_of_its_room(room: str) -> None:
    look = f"import sys, albertkit.{room}; print(*dir(albertkit.{room})); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    shown, modules = (line.split() for line in done.stdout.splitlines())
    assert listed(room).keys() <= set(shown)
    assert [name for name in modules if name.startswith(f"albertkit.{room}.")] == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_star_import_gives_all_names_of_a_face(room: str) -> None:
    given: dict[str, object] = {}
    exec(f"from albertkit.{room} import *", given)  # noqa: S102  # as a person would
    assert listed(room).keys() <= given.keys()


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(
        AttributeError, match=r"module .albertkit\.tables. has no attribute .nothing."
    ):
        attach("albertkit.tables", {"table": ("Table",)})[0]("nothing")
