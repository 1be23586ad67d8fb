"""Healthy models made wrong, one way at a time, and the codes that name what is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from tests.support.tiny_models import TINY, save_tiny

BUILTIN = Path(__file__).parents[2] / "src" / "albertkit" / "builtin"
LAYER = "albert.encoder.albert_layer_groups.0.albert_layers.0."
WORDS = "albert.embeddings.word_embeddings.weight"
Change = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One way to make a model wrong.

    Attributes:
        name: in words.
        change: what is done to the directory.
        codes: the codes of which one must be reported.
        model: the built-in model that is copied.
    """

    name: str
    change: Change
    codes: tuple[str, ...]
    model: str = "small-en"

    def apply(self, directory: Path) -> Path:
        """Copy the model and change the copy."""
        target = directory / "model"
        shutil.copytree(BUILTIN / self.model, target)
        self.change(target)
        return target


def save_healthy(directory: Path, heads: Sequence[str] = ()) -> Path:
    """A tiny model whose tokenizer states the length that the model reads."""
    save_tiny(directory, heads)
    setting("tokenizer_config.json", model_max_length=TINY.max_position_embeddings)(directory)
    return directory


def setting(file: str, **values: object) -> Change:
    """Set keys of a JSON file; None removes a key."""

    def change(directory: Path) -> None:
        path = directory / file
        record = json.loads(path.read_text()) | values
        path.write_text(json.dumps({key: v for key, v in record.items() if v is not None}))

    return change


def config(**values: object) -> Change:
    return setting("config.json", **values)


def tensors(edit: Callable[[dict[str, np.ndarray]], None]) -> Change:
    """Change the tensors of the weights file."""

    def change(directory: Path) -> None:
        path = directory / "model.safetensors"
        arrays = {name: array.astype(np.float32) for name, array in load_file(path).items()}
        edit(arrays)
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)

    return change


def one(name: str, edit: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Change one tensor."""

    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays[name] = edit(arrays[name].copy())

    return tensors(change)


def put(index: tuple[int, ...], value: float) -> Callable[[np.ndarray], np.ndarray]:
    def edit(array: np.ndarray) -> np.ndarray:
        array[index] = value
        return array

    return edit


def write(file: str, data: bytes) -> Change:
    def change(directory: Path) -> None:
        (directory / file).write_bytes(data)

    return change


def remove(*files: str) -> Change:
    def change(directory: Path) -> None:
        for file in files:
            (directory / file).unlink()

    return change


def cut(file: str, share: float) -> Change:
    def change(directory: Path) -> None:
        data = (directory / file).read_bytes()
        (directory / file).write_bytes(data[: int(len(data) * share)])

    return change


def rename_tensors(rule: Callable[[str], str]) -> Change:
    def edit(arrays: dict[str, np.ndarray]) -> None:
        renamed = {rule(name): array for name, array in arrays.items()}
        arrays.clear()
        arrays.update(renamed)

    return tensors(edit)


def shuffle_rows(array: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).permutation(array)


def copy_tensor(source: str, target: str) -> Change:
    def edit(arrays: dict[str, np.ndarray]) -> None:
        arrays[target] = arrays[source].copy()

    return tensors(edit)


def drop(arrays: dict[str, np.ndarray], name: str) -> None:
    del arrays[name]


def untrain_head(arrays: dict[str, np.ndarray]) -> None:
    rng = np.random.default_rng(0)
    for name, array in arrays.items():
        if name.startswith("predictions.") and name.endswith("dense.weight"):
            arrays[name] = rng.normal(0, 0.05, array.shape).astype(np.float32)
        elif name.startswith("predictions.") and name.endswith("bias"):
            arrays[name] = np.zeros_like(array)


def write_pickle(directory: Path) -> None:
    (directory / "model.safetensors").unlink()

    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("code runs",)

    torch.save({"a": Attack()}, directory / "pytorch_model.bin")


def bert_vocabulary(directory: Path) -> None:
    remove("spiece.model", "tokenizer.json", "tokenizer_config.json")(directory)
    names = ["[PAD]", *(f"[unused{n}]" for n in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    names += [f"word{n}" for n in range(30_522 - len(names))]
    (directory / "vocab.txt").write_text("\n".join(names) + "\n")


def add(*changes: Change) -> Change:
    def change(directory: Path) -> None:
        for step in changes:
            step(directory)

    return change


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 6108460\n"
NO_TOKENIZER_JSON = remove("tokenizer.json")

MUTATIONS = (
    # settings that load without an error and ruin the numbers
    Mutation("2 heads for 4", config(num_attention_heads=2), ("head-count-wrong",)),
    Mutation("8 heads for 4", config(num_attention_heads=8), ("head-count-wrong",)),
    Mutation("1 head for 4", config(num_attention_heads=1), ("head-count-wrong",)),
    Mutation("relu", config(hidden_act="relu"), ("activation-wrong",)),
    Mutation(
        "12 layers for 4", config(num_hidden_layers=12), ("depth-wrong", "predictions-random")
    ),
    Mutation("8 layers for 4", config(num_hidden_layers=8), ("depth-wrong",)),
    Mutation("2 layers for 4", config(num_hidden_layers=2), ("depth-wrong",)),
    Mutation("1 layer for 4", config(num_hidden_layers=1), ("depth-wrong",)),
    Mutation("pad id 1", config(pad_token_id=1), ("special-ids-differ",)),
    Mutation("start id 101", config(bos_token_id=101), ("special-ids-differ",)),
    Mutation("end id 102", config(eos_token_id=102), ("special-ids-differ",)),
    # settings that contradict the tensors
    Mutation("one piece less", config(vocab_size=15_999), ("checkpoint-shape-mismatch",)),
    Mutation("half as wide", config(hidden_size=128), ("checkpoint-shape-mismatch",)),
    Mutation("BERT's embeddings", config(embedding_size=256), ("checkpoint-shape-mismatch",)),
    Mutation("256 positions", config(max_position_embeddings=256), ("checkpoint-shape-mismatch",)),
    Mutation("2 groups", config(num_hidden_groups=2), ("checkpoint-without-encoder",)),
    Mutation("3 heads", config(num_attention_heads=3), ("config-value-invalid",)),
    Mutation("an unknown activation", config(hidden_act="gelo"), ("config-value-invalid",)),
    Mutation("no model type", config(model_type=None), ("config-without-model-type",)),
    Mutation(
        "another vocabulary's mark",
        config(vocabulary_fingerprint="0" * 16),
        ("vocabulary-mismatch",),
    ),
    Mutation("broken JSON", write("config.json", b'{"hidden_size": 256,'), ("json-malformed",)),
    # tensors
    Mutation("NaN", one(LAYER + "ffn.weight", put((3, 5), np.nan)), ("weights-nan",)),
    Mutation("infinity", one(WORDS, put((7, 1), np.inf)), ("weights-nan",)),
    Mutation(
        "zero matrix", one(LAYER + "attention.dense.weight", np.zeros_like), ("weights-constant",)
    ),
    Mutation(
        "zero norm", one(LAYER + "attention.LayerNorm.weight", np.zeros_like), ("weights-constant",)
    ),
    Mutation(
        "norm ×100",
        one(LAYER + "full_layer_layer_norm.weight", lambda a: a * 100),
        ("norms-unusual",),
    ),
    Mutation(
        "norm ÷100",
        one(LAYER + "attention.LayerNorm.weight", lambda a: a / 100),
        ("norms-unusual",),
    ),
    Mutation(
        "key is query",
        copy_tensor(LAYER + "attention.query.weight", LAYER + "attention.key.weight"),
        ("weights-repeated",),
    ),
    Mutation("word rows shuffled", one(WORDS, shuffle_rows), ("word-rows-shuffled",)),
    Mutation(
        "matrix transposed",
        one(LAYER + "attention.value.weight", lambda a: a.T),
        ("predictions-random",),
    ),
    Mutation(
        "larger than float16", one(LAYER + "ffn.weight", lambda a: a * 1e6), ("float16-overflows",)
    ),
    Mutation("random masked LM head", tensors(untrain_head), ("head-untrained",)),
    Mutation(
        "an encoder tensor missing",
        tensors(lambda arrays: drop(arrays, LAYER + "ffn.bias")),
        ("checkpoint-without-encoder",),
    ),
    Mutation(
        "an unknown prefix",
        rename_tensors(lambda name: f"student.{name}"),
        ("checkpoint-prefix", "checkpoint-without-encoder"),
    ),
    Mutation(
        "tensors of no use",
        tensors(lambda a: a.update(extra=np.ones(3, np.float32))),
        ("checkpoint-extra-tensors",),
    ),
    Mutation(
        "another decoder",
        tensors(lambda a: a.update({"predictions.decoder.weight": a[WORDS] + 1})),
        ("checkpoint-untied",),
    ),
    # files
    Mutation("weights cut off", cut("model.safetensors", 0.6), ("file-truncated",)),
    Mutation("empty weights", write("model.safetensors", b""), ("file-truncated",)),
    Mutation("Git-LFS pointer", write("model.safetensors", LFS), ("git-lfs-pointer",)),
    Mutation(
        "unfinished download", write("model.safetensors.incomplete", b"x"), ("download-unfinished",)
    ),
    Mutation("no weights", remove("model.safetensors"), ("checkpoint-unrecognised",)),
    Mutation("no config", remove("config.json"), ("checkpoint-unrecognised",)),
    Mutation("pickle with code", write_pickle, ("file-with-code",)),
    # tokenizers
    Mutation(
        "left padding", setting("tokenizer_config.json", padding_side="left"), ("left-padding",)
    ),
    Mutation(
        "no length limit",
        setting("tokenizer_config.json", model_max_length=10**30),
        ("length-unlimited",),
    ),
    Mutation(
        "1,024 tokens of 512",
        setting("tokenizer_config.json", model_max_length=1024),
        ("length-limits-differ",),
    ),
    Mutation("BERT's vocabulary", bert_vocabulary, ("vocabulary-mismatch",)),
    Mutation(
        "vocabulary cut off",
        add(NO_TOKENIZER_JSON, cut("spiece.model", 0.5)),
        ("file-truncated", "file-malformed"),
    ),
    Mutation("no vocabulary", remove("spiece.model", "tokenizer.json"), ("vocabulary-missing",)),
    Mutation(
        "capitals kept",
        add(
            NO_TOKENIZER_JSON, setting("tokenizer_config.json", do_lower_case=False, albertkit=None)
        ),
        ("text-not-lowercased",),
    ),
    Mutation(
        "accents kept",
        add(NO_TOKENIZER_JSON, setting("tokenizer_config.json", keep_accents=True, albertkit=None)),
        ("accents-unknown",),
    ),
    Mutation(
        "a mask that is the unknown piece",
        setting("tokenizer_config.json", mask_token="<unk>"),
        ("mask-id-wrong",),
    ),
    # sentence vectors
    Mutation(
        "1,024 tokens of 128",
        setting("sentence_bert_config.json", max_seq_length=1024),
        ("length-limits-differ",),
        "small-en-vectors",
    ),
    Mutation(
        "an unknown module",
        write("modules.json", b'[{"idx":0,"name":"0","path":"","type":"x.Strange"}]'),
        ("pooling-unsupported",),
        "small-en-vectors",
    ),
    Mutation(
        "no pooling settings",
        remove("1_Pooling/config.json"),
        ("file-not-found",),
        "small-en-vectors",
    ),
)
