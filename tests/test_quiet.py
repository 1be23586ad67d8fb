"""Used as most use it, albertkit writes nothing at home, opens no socket and starts no process.

Nor does it import what a short text does not need: that is what a cold start costs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from watched import run_watched

HEAVY = "{'openvino', 'torch', 'pyarrow', 'transformers', 'tokenizers', 'matplotlib', 'ray'}"
VERBS = """
from albertkit.cli.main import run
for line in (["embed", "a text"], ["fill-mask", "a [MASK]"]):
    assert run([*line, "--engine", {engine!r}]) == 0
assert ("openvino" in sys.modules) == ({engine!r} == "openvino")
"""
CALLS = """
import albertkit
albertkit.TextEmbedder(engine={engine!r}).encode("a text")
albertkit.FillMask(engine={engine!r})("a [MASK]")
"""


@pytest.mark.parametrize("engine", ["numpy", "openvino"])
@pytest.mark.parametrize("work", [VERBS, CALLS], ids=["verbs", "calls"])
def test_nothing_is_written_called_or_started(work: str, engine: str, tmp_path: Path) -> None:
    done = run_watched(work.format(engine=engine), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.rglob("*")) == []


def test_a_written_file_would_be_seen(tmp_path: Path) -> None:
    run_watched("import pathlib; pathlib.Path.home().joinpath('.cache').mkdir()", tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == [".cache"]


@pytest.mark.parametrize("verb", ["['embed', 'a text']", "['fill-mask', 'a [MASK]']"])
def test_a_short_text_in_a_fresh_process_imports_nothing_heavy(verb: str, tmp_path: Path) -> None:
    program = (
        f"from albertkit.cli.main import run\nassert run({verb}) == 0\n"
        f"found = {{name.partition('.')[0] for name in sys.modules}} & {HEAVY}\n"
        "sys.exit(f'imported: {found}' if found else 0)\n"
    )
    done = run_watched(program, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "first", ["import albertkit", "from albertkit.cli.main import run; run(['--help'])"]
)
def test_the_package_and_its_help_import_no_numpy(first: str, tmp_path: Path) -> None:
    done = run_watched(f"{first}\nassert 'numpy' not in sys.modules\n", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
