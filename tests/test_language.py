"""Code, tests and docs use the words of the field, and none of the private words that went."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "albertkit"

BANNED_WORDS = re.compile(
    r"(?<![A-Za-z])(told|tells?|nobody|whoever|deserves?|company|brought|foreseen|lasting|apart"
    r"|beside|speaks?|speaking|hears?|heard)(?![A-Za-z])",  # in names too: float32_beside_int8
    re.IGNORECASE,
)
BANNED_NAMES = {"at", "found", "said", "owners", "chance"}
PARTICIPLE = re.compile(
    r"^_*([a-z]+[^e]ed|told|chosen|found|made|given|shown|drawn|held|kept|built|taken|brought|laid"
    r"|sent|left|lost|said|known|written|begun|done|met|bound|split_up|spoken|understood)(_|$)"
)
NOT_PARTICIPLES = {"embed", "seed", "feed", "need", "speed", "exceed", "proceed", "unembed"}
VALUES = {"property", "cached_property", "fixture"}  # decorators of a noun or an adjective


def package_of(file: Path) -> str:
    """The package of a source file; "albertkit" for the files on top."""
    parts = file.relative_to(SOURCE).parts
    return parts[0] if len(parts) > 1 else "albertkit"


SOURCES = sorted(SOURCE.rglob("*.py"))
PACKAGES = sorted({package_of(file) for file in SOURCES})
FOLDERS = [
    "tests",
    "tests_benchmarks",
    "tests_databases",
    "tests_integrations",
    "tests_ray",
    "tests_tensorflow",
    "tests_transformers4",
    "benchmarks",
    "examples",
]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    ROOT / "Makefile",
    ROOT / "pyproject.toml",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(path for path in (ROOT / ".github").rglob("*") if path.is_file()),
    *sorted(SOURCE.rglob("*.toml")),
]


def count_banned_words(files: list[Path]) -> Counter[str]:
    texts = (file.read_text(encoding="utf-8") for file in files)
    return Counter(word.lower() for text in texts for word in BANNED_WORDS.findall(text))


def count_banned_names(files: list[Path]) -> Counter[str]:
    return Counter(
        token.string
        for file in files
        for token in tokenize.generate_tokens(io.StringIO(file.read_text("utf-8")).readline)
        if token.type == tokenize.NAME and token.string in BANNED_NAMES
    )


def functions_named_by_participles(files: list[Path]) -> list[str]:
    return [
        node.name
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and PARTICIPLE.match(node.name)
        and not node.name.endswith("_error")  # named after what it makes: unsupported_error(…)
        and node.name.strip("_").partition("_")[0] not in NOT_PARTICIPLES
        and not VALUES & set(re.findall(r"\w+", " ".join(map(ast.unparse, node.decorator_list))))
    ]


def files_of(package: str) -> list[Path]:
    return [file for file in SOURCES if package_of(file) == package]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_no_banned_words(package: str) -> None:
    assert count_banned_words(files_of(package)) == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_no_banned_names(package: str) -> None:
    assert count_banned_names(files_of(package)) == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_no_functions_named_by_participles(package: str) -> None:
    assert functions_named_by_participles(files_of(package)) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_tests_and_benchmarks_use_the_same_language(folder: str) -> None:
    files = [file for file in (ROOT / folder).rglob("*.py") if file.name != "test_language.py"]
    assert count_banned_words(files) == {}
    assert count_banned_names(files) == {}
    assert functions_named_by_participles(files) == []


def test_the_pages_have_no_banned_words() -> None:
    assert count_banned_words(PAGES) == {}


def test_a_class_name_has_one_meaning() -> None:
    names = Counter(
        node.name
        for file in SOURCES
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    assert {name for name, count in names.items() if count > 1} == set()


@pytest.mark.parametrize("word", ["told", "Tells", "beside"])
def test_a_banned_word_is_counted(word: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(f'"""It was_{word} besides."""\nfound = at_most\n')
    assert count_banned_words([tmp_path / "a.py"]) == {word.lower(): 1}
    assert count_banned_names([tmp_path / "a.py"]) == {"found": 1}


def test_a_participle_is_no_verb(tmp_path: Path) -> None:
    names = ("opened", "_drawn_table", "embed", "feed", "read", "chosen_by", "open_file")
    (tmp_path / "a.py").write_text("\n".join(f"def {name}(): ..." for name in names))
    assert functions_named_by_participles([tmp_path / "a.py"]) == [
        "opened",
        "_drawn_table",
        "chosen_by",
    ]
