"""What names hold: attributes, functions that return models, parameters; and what is unknown."""

from __future__ import annotations

import pytest

from albertkit.doctor.snippets.diagnose import diagnose_code

IMPORTS = """from transformers import AlbertModel, AlbertTokenizer
import tensorflow_hub as hub, tensorflow_text, torch
"""
CLASS = """
class Encoder:
    def __init__(self, name="albert-base-v2"):
        self.tokenizer = AlbertTokenizer.from_pretrained(name)
        self.model = AlbertModel.from_pretrained(name).eval()
        self.layer = hub.KerasLayer("https://tfhub.dev/tensorflow/albert_en_base/3")

    def run(self, a, b, ids, mask):
        encoding = self.tokenizer(a, padding=True, truncation=True, return_tensors="pt")
        {line}
"""
LINES = {
    "self.model(encoding)": "encoding-not-unpacked",
    "self.model(self.tokenizer(a, truncation=True))": "encoding-not-unpacked",
    'self.model(encoding["input_ids"])': "mask-not-given",
    "self.model(ids, input_mask=mask)": "input-name-ignored",
    "self.tokenizer(a, b, truncation=True)": "pair-without-token-types",
    "self.tokenizer.encode_plus(a, b)": "tokenizer-method-removed",
    "hidden, pooled = self.model(**encoding)": "outputs-unpacked",
    "self.layer([ids, mask, mask])": "hub-inputs-list",
    "self.layer.bert_tokenizer": "module-attribute-missing",
}


def codes(source: str) -> set[str]:
    return {diagnostic.code for diagnostic in diagnose_code(IMPORTS + source)}


@pytest.mark.parametrize("line", LINES)
def test_an_attribute_of_a_class_is_followed(line: str) -> None:
    assert codes(CLASS.format(line=line)) == {LINES[line]}


MADE = {
    "of a base class": """
class Base:
    model = AlbertModel.from_pretrained("albert-base-v2")
class Encoder(Base):
    def run(self, ids): return self.model(ids, segment_ids=ids)
""",
    "of an object": """
holder.model = AlbertModel.from_pretrained("albert-base-v2")
holder.model(ids, segment_ids=ids)
""",
    "returned by a function": """
def load():
    return AlbertTokenizer.from_pretrained("x"), AlbertModel.from_pretrained("x")
tokenizer, model = load()
model(ids, segment_ids=ids)
""",
    "a parameter with its class": """
def run(model: AlbertModel, ids): return model(ids, segment_ids=ids)
""",
    "a parameter's default": """
def run(ids, model=AlbertModel.from_pretrained("x")): return model(ids, segment_ids=ids)
""",
    "a global name": """
def load():
    global model
    model = AlbertModel.from_pretrained("albert-base-v2")
def run(ids): return model(ids, segment_ids=ids)
""",
    "one of two": """
tokenizer, model = AlbertTokenizer.from_pretrained("x"), AlbertModel.from_pretrained("x")
model(ids, segment_ids=ids)
""",
    "made on a condition": """
model: AlbertModel = given or AlbertModel.from_pretrained("x")
model(ids, segment_ids=ids)
""",
    "first None": """
class Lazy:
    def __init__(self): self.model = None
    def load(self): self.model = AlbertModel.from_pretrained("x")
    def run(self, ids): return self.model(ids, segment_ids=ids)
""",
}


@pytest.mark.parametrize("source", MADE.values(), ids=MADE)
def test_a_model_is_followed_to_its_call(source: str) -> None:
    assert codes(source) == {"input-name-ignored"}


UNKNOWN = {
    "another class": CLASS.format(line="pass")
    + """
class Other:
    def __init__(self): self.model = torch.nn.Linear(3, 4)
    def run(self, x): return self.model(x, other=1)
""",
    "assigned again": """
model = AlbertModel.from_pretrained("x")
model = build()
model(x, other=1)
""",
    "one of two kinds": """
class Encoder:
    def load(self): self.model = AlbertModel.from_pretrained("x")
    def set(self, model): self.model = model
    def run(self, x): return self.model(x, other=1)
""",
    "the item of a loop": """
model = AlbertModel.from_pretrained("x")
for model in models:
    model(x, other=1)
""",
    "a file": """
model = AlbertModel.from_pretrained("x")
with open(path) as model:
    model(x, other=1)
""",
    "itself": """
a = b
b = a
def f(model=model): return f(model)
class A(A):
    def f(self): self.x = self.x(a, other=b(1))
""",
    "albertkit's own": """
import albertkit
tokenizer = albertkit.AlbertTokenizer.from_pretrained("small-en")
tokenizer("a", "b")
""",
}


@pytest.mark.parametrize("source", UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_is_not_judged(source: str) -> None:
    assert codes(source) == set()


CORRECTED = {
    'x = t("a", "b", truncation=True)': (
        'x = t("a", "b", truncation=True, return_token_type_ids=True)'
    ),
    "return model(  enc)": "return model(  **enc)",
    'é = model(t("é", truncation=True))': 'é = model(**t("é", truncation=True))',
    't("a",\n  "b", truncation=True)': "t('a', 'b', truncation=True, return_token_type_ids=True)",
}


@pytest.mark.parametrize("line", CORRECTED)
def test_the_line_is_corrected_as_it_is_written(line: str) -> None:
    source = f"""{IMPORTS}t = AlbertTokenizer.from_pretrained("albert-base-v2")
model = AlbertModel.from_pretrained("albert-base-v2")
enc = t("a", truncation=True)
{line}
"""
    [diagnostic] = diagnose_code(source)
    assert diagnostic.fix == f"Write: {CORRECTED[line]}"
