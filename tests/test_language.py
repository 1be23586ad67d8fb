"""Code, tests and docs use the words of the field, and none of the private words that went."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
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
# A module's function begins with a verb. These words are none, and were names of functions once.
NO_VERB = re.compile(
    r"^_*(as|with|without|not|no|of|by|in|for|own|other|others|why|how|which|some|best|first|next|most"
    r"|largest|likeliest|nearest|missing|unknown|broken|unfit|unusable|new|plain|finite|flat|lone|up)"
    r"(_|$)"
)
NOUNS_OF_THE_FIELD = {"best_threshold"}
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


def numbers_of(file: Path) -> Iterator[str]:
    """The names of a module's constants whose value is one number."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        pairs = (
            zip(target.elts, value.elts, strict=True)
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            else [(target, value)]
        )
        for name, part in pairs:
            if isinstance(name, ast.Name) and is_number(part):
                yield name.id


def is_number(value: ast.expr | None) -> bool:
    if isinstance(value, ast.BinOp):
        return is_number(value.left) and is_number(value.right)
    if isinstance(value, ast.UnaryOp):
        return is_number(value.operand)
    return isinstance(value, ast.Constant) and type(value.value) in (int, float)


def functions_without_a_verb(files: list[Path]) -> list[str]:
    return [
        node.name
        for file in files
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and NO_VERB.match(node.name)
        and not node.name.endswith("_error")
        and node.name not in NOUNS_OF_THE_FIELD
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


@pytest.mark.parametrize("package", PACKAGES)
def test_a_packages_functions_begin_with_a_verb(package: str) -> None:
    assert functions_without_a_verb(files_of(package)) == []


def test_a_function_without_a_verb_is_seen(tmp_path: Path) -> None:
    names = ("_why", "no_text", "no_text_error", "normalize", "upload", "_best_of")
    (tmp_path / "a.py").write_text("\n".join(f"def {name}(): ..." for name in names))
    assert functions_without_a_verb([tmp_path / "a.py"]) == ["_why", "no_text", "_best_of"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_tests_and_benchmarks_use_the_same_language(folder: str) -> None:
    files = [file for file in (ROOT / folder).rglob("*.py") if file.name != "test_language.py"]
    assert count_banned_words(files) == {}
    assert count_banned_names(files) == {}
    assert functions_named_by_participles(files) == []


def test_the_pages_have_no_banned_words() -> None:
    assert count_banned_words(PAGES) == {}


@pytest.mark.parametrize("folder", ["src", *FOLDERS, "docs"])
def test_normalize_has_one_spelling(folder: str) -> None:
    """The field's, with a z; only examples of a misspelt keyword have the other one."""
    files = (file for kind in ("py", "md", "toml") for file in (ROOT / folder).rglob(f"*.{kind}"))
    spelt = re.compile(r"normalis(?!e_embeddings|e'; the)", re.IGNORECASE)
    this = Path(__file__)
    assert [f for f in files if f != this and spelt.search(f.read_text("utf-8"))] == []


def test_a_class_name_has_one_meaning() -> None:
    names = Counter(
        node.name
        for file in SOURCES
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    )
    assert {name for name, count in names.items() if count > 1} == set()


def test_a_number_has_a_name_of_its_own() -> None:
    """BLOCK, FEW or SHOWN in five modules would be five numbers; a copy would be changed alone."""
    modules = Counter(name for file in SOURCES for name in {*numbers_of(file)})
    assert {name for name, count in modules.items() if count > 1} == set()


def test_a_numbers_name_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "A: Final = 2**3 - 1\nB, C = -1, 'x'\nD = 1 if A else 2\nA.b = 1"
    )
    assert list(numbers_of(tmp_path / "a.py")) == ["A", "B"]


def test_array_types_have_one_home() -> None:
    """Of float32, float64, int32, int64 and bool; `NDArray` of others has no short name."""
    spelt = re.compile(r"NDArray\[np\.(float32|float64|int32|int64|bool_)\]")
    home = SOURCE / "arrays.py"
    assert [
        str(file) for file in SOURCES if file != home and spelt.search(file.read_text("utf-8"))
    ] == []


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
