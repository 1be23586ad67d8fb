"""Code from web pages: each wrong line is named, and right code raises no alarm."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import sentence_transformers
import transformers

from albertkit.doctor.catalogue import read_symptoms
from albertkit.doctor.examine import diagnose
from albertkit.doctor.snippets.diagnose import diagnose_code
from albertkit.doctor.snippets.general_rules import check_syntax
from albertkit.doctor.snippets.script import Script
from albertkit.doctor.snippets.sources import read_markdown, read_notebook
from tests.doctor.web_pages import PAGES

EXAMPLES = Path(__file__).parents[2] / "examples"


def lines_and_codes(source: str) -> set[tuple[int, str]]:
    diagnostics = diagnose_code(source)
    return {(int((d.where or "line 0").split()[1]), d.code) for d in diagnostics}


@pytest.mark.parametrize("title", PAGES)
def test_the_lines_of_a_web_page_are_judged(title: str) -> None:
    _, source, expected = PAGES[title]
    assert lines_and_codes(source) == expected


LINES = [
    ("encoder(input_word_ids=a, input_mask=b, input_type_ids=c)", "hub-inputs-keywords"),
    ("encoder([ids, mask, types])", "hub-inputs-list"),
    ("encoder(dict(input_ids=ids, attention_mask=mask))", "hub-inputs-names"),
    ("encoder(input_ids)", "hub-inputs-wrong"),
    ("encoder([ids, segment_ids, input_mask])", "mask-and-type-ids-swapped"),
    ("pooled, sequence = encoder(inputs)", "outputs-unpacked"),
    ("ids = tf.constant(input_ids, dtype=tf.int64)", "hub-inputs-int64"),
    ('hub.Module("https://tfhub.dev/google/albert_base/3")', "hub-too-old"),
    ('hub.KerasLayer("https://tfhub.dev/google/albert_base/3")', "tf1-module-in-keras-layer"),
    ('tf.keras.models.load_model("albert_en_base")', "keras3-savedmodel"),
    ("model(encoding)", "encoding-not-unpacked"),
    ('model(encoding["input_ids"])', "mask-not-given"),
    ("model(ids, input_mask=mask)", "input-name-ignored"),
    ("model(ids, token_type_ids, attention_mask)", "mask-and-type-ids-swapped"),
    ("hidden, pooled = model(**encoding)", "outputs-unpacked"),
    ('tokenizer(["a", "b c"], return_tensors="pt", truncation=True)', "batch-ragged"),
    ('tokenizer("[CLS] a text [SEP]", truncation=True)', "special-tokens-in-text"),
    ("tokenizer(open(path).read(), truncation=True)", "text-huge"),
    ('tokenizer(texts, padding="max_length", max_length=512)', "padded-to-maximum"),
    ("tokenizer.encode_plus(a, b)", "tokenizer-method-removed"),
    ('tokenizer.padding_side = "left"', "left-padding"),
    ('tokenizer.add_tokens(["<new>"])', "token-added-without-row"),
    ('AlbertModel.from_pretrained("albert-base")', "name-or-network"),
    ('AlbertModel.from_pretrained("albert/albert-xlarge-v2")', "xlarge-v2-differs"),
    ('AlbertModel.from_pretrained("albert-base-v2", from_tf=True)', "argument-ignored"),
    ('AlbertModel.from_pretrained("x", output_attentions=True)', "attentions-not-returned"),
    ('BertModel.from_pretrained("albert-base-v2")', "other-model-class"),
    ('AlbertTokenizer.from_pretrained("voidful/albert_chinese_base")', "chinese-albert"),
    ('AlbertTokenizer.from_pretrained("x", keep_accents=True)', "accents-unknown"),
    ("fresh = AlbertModel(config)", "training-mode"),
    ("AlbertConfig()", "config-of-xxlarge"),
    ("masked(**inputs, labels=encoding['input_ids'])", "labels-at-padding"),
    ("pretraining(ids, next_sentence_label=order)", "loss-missing"),
    ('fill("a <mask> b")', "mask-misspelt"),
    ('torch.load("x.bin", weights_only=False)', "pickled-weights-refused"),
    ("torch.ao.quantization.quantize_dynamic(model)", "int8-ruins-albert"),
    ("model.gradient_checkpointing_enable()", "checkpointing-unsupported"),
    ("DataCollatorForSOP(tokenizer)", "order-collator-deprecated"),
    ("tf.lite.TFLiteConverter.from_saved_model(albert)", "tflite-fails"),
    ("vectors = [embedder.encode(text) for text in texts]", "one-text-at-a-time"),
    ('OpenAIEmbeddings(base_url="http://localhost")', "token-ids-sent"),
    ("x = (1,", "code-does-not-parse"),
]
PREPARATION = """
import tensorflow_hub as hub, tensorflow_text
from transformers import AlbertModel, AlbertTokenizer, AlbertForMaskedLM
from transformers import AlbertForPreTraining, pipeline
encoder = hub.load("https://tfhub.dev/tensorflow/albert_en_base/3")
model = AlbertModel.from_pretrained("albert-base-v2")
masked = AlbertForMaskedLM.from_pretrained("albert-base-v2")
pretraining = AlbertForPreTraining.from_pretrained("albert-base-v2")
tokenizer = AlbertTokenizer.from_pretrained("albert-base-v2")
encoding = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
fill = pipeline("fill-mask", model="albert-base-v2")
"""


@pytest.mark.parametrize(("line", "code"), LINES, ids=[code for _, code in LINES])
def test_a_wrong_line_is_named(line: str, code: str) -> None:
    number = len(PREPARATION.splitlines()) + 1
    assert (number, code) in lines_and_codes(PREPARATION + line + "\n")


RIGHT = [
    PREPARATION + "outputs = model(**encoding)\npooled = outputs.pooler_output\n",
    PREPARATION
    + 'pair = tokenizer(a, b, return_token_type_ids=True, truncation=True, return_tensors="pt")\n'
    + 'fill("The capital of France is [MASK].", targets=["▁paris"])\n',
    PREPARATION + "encoder(dict(input_word_ids=ids, input_mask=mask, input_type_ids=types))\n",
    'import albertkit\nvectors = albertkit.TextEmbedder().encode(["a", "b"])\n',
    "import numpy as np\nx = np.zeros((3, 4)).reshape(1, -1)\n",
    "from transformers import BertModel, BertTokenizer\n"
    'model = BertModel.from_pretrained("bert-base-uncased")\n'
    'tokenizer = BertTokenizer.from_pretrained("bert-base-uncased")\n'
    'out = model(**tokenizer("a", "b", truncation=True, return_tensors="pt"))\n',
]


RIGHT += [
    "import tensorflow_hub as hub, tensorflow_text\n"
    'p = hub.load(os.path.join(ROOT, "preprocessor"))\n'
    'tokens = p.tokenize(["a text"])\nbatch = p(["a text"])\n',
    'use = hub.load("https://tfhub.dev/google/universal-sentence-encoder/4")\nuse(["a text"])\n',
    'tok = AutoTokenizer.from_pretrained("gpt2", padding_side="left")\n',
    'fill = pipeline("fill-mask", model="roberta-base")\nfill("a <mask>", targets=["b"])\n',
    PREPARATION + 'ids = tokenizer(["one text"], truncation=True)["input_ids"].reshape(1, -1)\n',
    'a = AlbertModel.from_pretrained("albert-base-v2")\n'
    'b = BertModel.from_pretrained("bert-base-uncased")\n'
    't = BertTokenizer.from_pretrained("bert-base-uncased")\n',
    'model = VisualBertModel.from_pretrained("uclanlp/visualbert-vqa")\n'
    'tokenizer = BertTokenizer.from_pretrained("bert-base-uncased")\n',
    "from models import BertModel\nmodel = BertModel(config)\nmodel(ids, images=images)\n",
    'm = BertModel.from_pretrained("bert-base-uncased")\nm(ids, past_key_values=k)\n',
    'AutoTokenizer.from_pretrained("albert-base-v2", use_fast=True)\n',
    "class Net(nn.Module):\n    def __init__(self):\n        self.albert = AlbertModel(config)\n",
    "loss(logits.view(-1, n), label_ids.view(-1))\nmask = (input_ids == 3).reshape(-1)\n",
    "def f(n):\n    return f(n - 1)\nf(3)(4)\n",
    *(path.read_text(encoding="utf-8") for path in sorted(EXAMPLES.glob("*.py"))),
]


@pytest.mark.parametrize("source", RIGHT)
def test_right_code_raises_no_alarm(source: str) -> None:
    assert [d.line() for d in diagnose_code(source) if d.severity != "note"] == []


@pytest.mark.parametrize(
    ("library", "folder"),
    [
        (transformers, "pipelines"),
        (transformers, "models/albert"),
        (transformers, "models/bert"),
        (transformers, "models/visual_bert"),
        (sentence_transformers, "sentence_transformer/losses"),
    ],
)
def test_the_code_of_a_library_raises_no_alarm(library: ModuleType, folder: str) -> None:
    paths = sorted((Path(library.__path__[0]) / folder).glob("*.py"))
    sources = [path.read_text(encoding="utf-8") for path in paths]
    alarms = [d.line() for source in sources for d in diagnose_code(source)]
    assert paths
    assert [line for line in alarms if not line.endswith(("-asked]", "[padded-to-maximum]"))] == []


def test_what_the_doctor_advises_raises_no_alarm() -> None:
    """The better lines of the catalogue, as far as they are Python."""
    for entry in read_symptoms().values():
        better = "\n".join(filter(None, (entry.instead, entry.albertkit)))
        if "albertkit convert" not in better and "albertkit pretrain" not in better:
            alarms = [d.line() for d in diagnose_code(better) if d.severity != "note"]
            assert [line for line in alarms if "does-not-parse" not in line] == [], entry.code


def test_the_corrected_line_is_given() -> None:
    fixes = {d.code: d.fix for d in diagnose_code(PREPARATION + 'tokenizer("a", "b")\n')}
    assert fixes["pair-without-token-types"] == (
        'Write: tokenizer("a", "b", return_token_type_ids=True)'
    )


def test_a_target_is_corrected_in_its_line() -> None:
    line = 'fill("Eat [MASK].", targets=["bread", "▁fish"])'
    fixes = {d.code: d.fix for d in diagnose_code(PREPARATION + line + "\n")}
    assert fixes["target-without-underline"] == (
        'Write: fill("Eat [MASK].", targets=["▁bread", "▁fish"])'
    )


def test_a_notebook_is_read_without_its_outputs() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["model(encoding)"]},
        {
            "cell_type": "code",
            "source": ["import torch\n", "x = 1"],
            "outputs": [{"data": "a" * 99}],
        },
        {"cell_type": "code", "source": "AlbertConfig()"},
    ]
    notebook = json.dumps({"cells": cells})
    assert read_notebook(notebook) == "import torch\nx = 1\nAlbertConfig()"
    assert lines_and_codes(notebook) == {(3, "config-of-xxlarge")}


@pytest.mark.parametrize(
    "source", ["", "\0", "((((", "{" * 300, '{"cells": 3}', "é" * 1000, "\n\n"]
)
def test_odd_sources_are_judged_without_a_crash(source: str) -> None:
    diagnose_code(source)


@pytest.mark.parametrize(
    "source",
    [
        "x = " + " + ".join(["'a'"] * 3000),
        "x = " + "-" * 50_000 + "1",
        "x = f" + ".a()" * 900,
        "if a:\n    pass\n" + "elif b:\n    pass\n" * 2000,
    ],
    ids=["strings", "minus signs", "calls", "branches"],
)
def test_what_is_nested_too_deeply_is_one_line(source: str) -> None:
    diagnostics = diagnose_code(source)
    assert {d.code for d in diagnostics} <= {"code-does-not-parse"}
    assert len(diagnostics) <= 1
    assert all(len(d.line()) < 500 for d in diagnostics)


IPYTHON = [
    "\ufeffimport os\nprint(os.getcwd())\n",
    "?help\nlen?\nos.path??\n%matplotlib inline\n",
    "files = !ls\nspent = %timeit -o sum([])\nprint(files)\n",
    "if a:\n    !pip install x \\\n      y\nelse:\n    %cd x\n",
    "async def f():\n    pass\nawait f()\n",
    'text = """\n! no command\n%s\n""" \\\n% 3\n',
]


@pytest.mark.parametrize("source", IPYTHON)
def test_what_ipython_reads_is_no_error(source: str) -> None:
    assert diagnose_code(source) == []


def test_cells_in_other_languages_are_left_out() -> None:
    sources = ["%%bash\nls -la | grep x", "%%html\n<b>x</b>", "%%time\nAlbertConfig()"]
    cells = [{"cell_type": "code", "source": source} for source in sources]
    assert lines_and_codes(json.dumps({"cells": cells})) == {(6, "config-of-xxlarge")}


@pytest.mark.parametrize("line", ['x = t"a {b}"', "except OSError, ValueError:"])
def test_syntax_of_a_newer_python_is_a_note(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 12))
    script = Script(line, ast.Module([], []), {1: "invalid syntax"}, {})
    [diagnostic] = check_syntax(script)
    assert diagnostic.severity == "note"
    assert "needs Python 3.14" in diagnostic.what


def test_only_python_between_fences_is_read_of_markdown(tmp_path: Path) -> None:
    page = "A card, (not code.\n\n  ```python\n  AlbertConfig()\n  ```\n```bash\nls |\n```\n"
    assert read_markdown(page).split("\n") == ["", "", "", "AlbertConfig()", "", "", "", ""]
    path = tmp_path / "card.md"
    path.write_text(page, encoding="utf-8")
    assert [(d.code, d.where) for d in diagnose(path)] == [("config-of-xxlarge", f"{path}: line 4")]
