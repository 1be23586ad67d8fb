"""Rules of the project: layers as drawn, codes listed and tested, names documented."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_type_hints

import pytest

import albertkit
from albertkit import evaluation
from albertkit.errors.codes import CODES

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted(path for top in ("tests", "tests_ray") for path in (ROOT / top).rglob("*.py"))


def all_text(files: list[Path]) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def test_architecture_draws_the_floors_of_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(c["layers"] for c in contracts["contracts"] if c["type"] == "layers")
    block = (ROOT / "ARCHITECTURE.md").read_text().split("```")[1]
    drawn = [re.split(r"\s{2,}", line.strip())[0] for line in block.strip().splitlines()]
    assert drawn == layers


def test_a_folder_of_tests_is_a_package_and_its_tests_use_it() -> None:
    """A reader finds a package's tests by the name of their folder."""
    for path in (ROOT / "tests").glob("*/test_*.py"):
        folder = path.parent.name
        assert (ROOT / "src" / "albertkit" / folder).is_dir(), path
        own = rf"(albertkit|tests)\.{folder}\b"
        uses = rf'{own}|from albertkit import|import albertkit|"benchmarks"'
        assert re.search(uses, path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("code", CODES)
def test_a_listed_code_is_raised_and_tested(code: str) -> None:
    raised = all_text([p for p in SOURCES if p.name != "codes.py"])
    assert f'"{code}"' in raised, "nothing raises it"
    assert code in codes_expected_by_tests(), "no test expects it"


@functools.cache
def codes_expected_by_tests() -> frozenset[str]:
    """Codes that a test compares with: a whole string, in brackets, or in a `match=` pattern."""
    own = {"test_house.py"}
    codes: set[str] = set()
    for path in TESTS:
        if path.name in own:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                codes.update(
                    [node.value.strip()], re.findall(r"\\?\[([a-z0-9-]+)\\?\]", node.value)
                )
            elif isinstance(node, ast.keyword) and node.arg == "match":
                codes.update(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)+", ast.unparse(node.value)))
    return frozenset(codes)


def test_every_raised_code_is_listed() -> None:
    kinds = "InputError|FormatError|ResourceError|Diagnostic"
    pattern = re.compile(rf'(?:{kinds})\(\s*"([a-z0-9-]+)"')
    codes = set(pattern.findall(all_text(SOURCES)))
    assert len(codes) > 20
    assert codes <= set(CODES)


def test_every_public_name_has_a_home_and_is_there() -> None:
    tree = ast.parse(Path(albertkit.__file__).read_text(encoding="utf-8"))
    listed = next(n for n in ast.walk(tree) if isinstance(n, ast.Assign) and is_all(n))
    assert {*ast.literal_eval(listed.value)} == {*albertkit.HOMES, "__version__"}
    for name, home in albertkit.HOMES.items():
        assert getattr(albertkit, name).__module__.startswith("albertkit"), home
    assert {*albertkit.__all__} == {*albertkit.HOMES, "__version__"}  # all can be had here


def is_all(assigned: ast.Assign) -> bool:
    return [each.id for each in assigned.targets if isinstance(each, ast.Name)] == ["__all__"]


@pytest.mark.parametrize("name", sorted(albertkit.HOMES))
def test_the_types_of_a_public_name_can_be_asked_for(name: str) -> None:
    member = getattr(albertkit, name)
    methods = vars(member).values() if inspect.isclass(member) else ()
    for each in (member, *filter(inspect.isfunction, methods)):
        if each.__module__.startswith("albertkit"):  # what a dataclass makes has no file
            get_type_hints(each)


def test_importing_the_package_imports_nothing_else() -> None:
    look = (
        "import sys; before = set(sys.modules); import albertkit; print(set(sys.modules) - before)"
    )
    out = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    imported = {name.split(".")[0] for name in re.findall(r"'([^']+)'", out.stdout)}
    foreign = imported - set(sys.stdlib_module_names) - {"albertkit"}
    assert foreign == set()


def test_nothing_in_the_project_names_a_folder_above_it() -> None:
    files = [
        *SOURCES,
        *TESTS,
        *ROOT.glob("*.md"),
        *ROOT.glob("recipes/**/*.toml"),
        ROOT / "Makefile",
    ]
    absolute = re.compile(r"(?<![\w.~-])/(?:home|root|work|farm)/")
    assert [p.name for p in files if absolute.search(p.read_text(encoding="utf-8"))] == []


def test_a_test_that_needs_a_library_imports_it() -> None:
    """So that tests/conftest.py alone says what may be missing, and in which words."""
    by_hand = "importor" + "skip"
    assert [p.name for p in TESTS if by_hand in p.read_text(encoding="utf-8")] == []


def test_every_link_between_the_pages_leads_to_something_that_is_there() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    link = re.compile(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)")
    broken = [
        f"{page.name}: {directory}#{heading}"
        for page in pages
        for directory, heading in link.findall(page.read_text(encoding="utf-8"))
        if not (there := page.parent / directory if directory else page).exists()
        or (heading and heading not in anchors(there))
    ]
    assert broken == []


def anchors(page: Path) -> set[str]:
    """What a page's headings are called in links, by the rule of the sites that show them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_no_pickle_and_no_evaluation_in_the_package() -> None:
    banned = re.compile(r"\b(?:pickle|marshal|eval\(|exec\(|torch\.load|torch\.save)\b")
    names = [
        p.name
        for p in SOURCES
        if banned.search(re.sub(r"#.*|\.eval\(\)|def eval\(self\)", "", p.read_text()))
    ]
    assert names == []


def test_every_public_name_stands_in_the_docs() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert {name for name in albertkit.HOMES if f"`{name}`" not in page} == set()
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^::: albertkit\.([\w.]+)$", reference, re.MULTILINE))
    metrics = {f"evaluation.{name}" for name in getattr(evaluation, "__all__")}  # noqa: B009 - made when it is asked for
    assert documented == {*albertkit.HOMES, *metrics}


@pytest.mark.parametrize("name", sorted(albertkit.HOMES))
def test_the_docstring_of_a_public_call_names_its_arguments(name: str) -> None:
    """Ruff then compares the names (D417)."""
    value = getattr(albertkit, name)
    methods = vars(value).items() if inspect.isclass(value) else ((name, value),)
    for method, member in methods:
        function = inspect.unwrap(getattr(member, "__func__", member))
        if method.startswith("_") or not inspect.isfunction(function):
            continue
        arguments = set(inspect.signature(function).parameters) - {"self", "cls"}
        assert not arguments or "Args:" in (inspect.getdoc(function) or ""), method
