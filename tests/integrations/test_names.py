"""The names of `albertkit.integrations` import nothing until they are used, and say what lacks."""

from __future__ import annotations

import subprocess
import sys

import pytest

import albertkit.integrations
from albertkit.errors import ResourceError
from albertkit.integrations import HOMES

LIBRARIES = {
    "bertopic": "bertopic",
    "chroma": "chromadb",
    "haystack": "haystack",
    "keybert": "keybert",
    "langchain": "langchain_core",
    "llama_index": "llama_index",
    "sklearn": "sklearn",
    "spacy": "spacy",
}


@pytest.mark.parametrize("name", HOMES)
def test_a_missing_framework_is_named_with_its_package(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, package = HOMES[name]
    library = LIBRARIES[file]
    loaded = [module for module in sys.modules if module.partition(".")[0] == library]
    for module in [*loaded, f"albertkit.integrations.{file}"]:
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"{name} needs {library}") as caught:
        getattr(albertkit.integrations, name)
    assert isinstance(caught.value, ResourceError)
    assert caught.value.diagnostic.code == "extra-missing"
    assert f"pip install {package}." in str(caught.value)


def test_the_package_imports_no_framework_and_shows_its_names() -> None:
    look = "import sys, albertkit.integrations as i; print(*dir(i)); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    names, modules = (line.split() for line in done.stdout.splitlines())
    assert names == sorted(HOMES)
    packages = {module.partition(".")[0] for module in modules}
    assert not packages & {*LIBRARIES.values(), "numpy"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'LangchainEmbeddings'"):
        albertkit.integrations.LangchainEmbeddings  # noqa: B018 - the question is the test
