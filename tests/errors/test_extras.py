"""If an extra's library is missing, the error says how to install it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import albertkit
from albertkit.errors import import_extra
from albertkit.errors.exceptions import EXTRA_OF, REQUIREMENTS

TORCH_AWAY = "import sys; sys.modules['torch'] = None; import albertkit; "


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", TORCH_AWAY + code], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("albertkit.AlbertModel", "ExtraAttributeError"),
        ("from albertkit import AlbertModel", "ExtraImportError"),
    ],
)
def test_a_model_without_torch_says_how_to_install_it(code: str, kind: str) -> None:
    line = run(code).stderr.splitlines()[-1]
    assert line == (
        f"albertkit.errors.exceptions.{kind}: AlbertModel needs torch, which is not "
        "installed; the plain install does not include it. Run: pip install 'torch>=2.6'. "
        "[extra-missing]"
    )


def test_optional_imports_of_a_model_without_torch_work_as_for_any_module() -> None:
    program = """
print(hasattr(albertkit, "AlbertModel"), getattr(albertkit, "AlbertModel", None))
try:
    from albertkit import AlbertModel
except ImportError as error:
    print(isinstance(error, albertkit.ResourceError))
"""
    assert run(program).stdout.split() == ["False", "None", "True"]


def test_the_commands_install_what_the_extras_of_the_package_need() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]

    def resolve(extra: str) -> set[str]:
        names = set[str]()
        for name in extras[extra]:
            inner = name.removeprefix("albertkit[").removesuffix("]").split(",")
            names |= set().union(*map(resolve, inner)) if name.startswith("albertkit[") else {name}
        return names

    assert set(EXTRA_OF.values()) == REQUIREMENTS.keys()
    assert {extra: resolve(extra) for extra in REQUIREMENTS} == {
        extra: set(names) for extra, names in REQUIREMENTS.items()
    }


def test_what_needs_no_torch_works_without_it() -> None:
    assert run("print(albertkit.AlbertConfig().hidden_size)").stdout == "4096\n"


def test_help_shows_what_can_be_had_without_it() -> None:
    shown = run("import pydoc; print(pydoc.plain(pydoc.render_doc(albertkit)))")
    assert shown.stderr == ""
    assert "class TextEmbedder(" in shown.stdout
    assert "class AlbertModel(" not in shown.stdout


def test_a_star_import_gives_what_can_be_had_without_it() -> None:
    done = run("before = {*globals()}; from albertkit import *; print(*{*globals()} - before)")
    assert done.stderr == ""
    plain = {name for name, home in albertkit.HOMES.items() if home != "albertkit.model"}
    assert {*done.stdout.split()} - {"before"} == {*plain, "__version__"}


def test_a_library_that_is_there_but_broken_keeps_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "matplotlib.py").write_text("import no_such_part_of_it")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "matplotlib", raising=False)
    with pytest.raises(ModuleNotFoundError, match="no_such_part_of_it"):
        import_extra("matplotlib", "--plot")


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert "has no attribute 'nonsense'" in run("albertkit.nonsense").stderr
