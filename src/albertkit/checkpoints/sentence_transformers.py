"""sentence-transformers directories: modules.json, an encoder, and what makes vectors of it.

In: a directory of version 6 or of earlier years (`sentence_transformers.models.…`, an encoder in a
folder of its own, `pooling_mode_…` as flags, `max_seq_length` in sentence_bert_config.json). Out:
the encoder's weights with a VectorPlan; and back, in a form that old and new versions open.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from albertkit.checkpoints.format import Stored
from albertkit.checkpoints.huggingface import HUGGINGFACE
from albertkit.errors import FormatError, InputError
from albertkit.fileformats.atomic import new_directory
from albertkit.fileformats.reader import JsonValue, map_file, parse_json, read_json
from albertkit.fileformats.safetensors import SavedDtype, read_safetensors, write_safetensors
from albertkit.spec import Weights, parameter_table
from albertkit.spec.config import Activation
from albertkit.spec.vector_plan import Dense, Normalise, Pooling, Similarity, VectorPlan, VectorStep

MODULES = "modules.json"
SETTINGS = "config_sentence_transformers.json"
ENCODER_SETTINGS = "sentence_bert_config.json"
DENSE_WEIGHTS = "model.safetensors"
# What `type` ends in; the way to it changed in version 6, the last word never.
ENCODER, POOLING, DENSE, NORMALISE = "Transformer", "Pooling", "Dense", "Normalize"
WRITTEN_TYPE = "sentence_transformers.models."  # versions 0.3 to 6 import from here
POOLINGS: Mapping[str, Pooling] = MappingProxyType({"mean": "mean", "cls": "cls", "max": "max"})
FLAGS = MappingProxyType(  # before version 6: one flag for each way of pooling
    {
        "pooling_mode_cls_token": "cls",
        "pooling_mode_max_tokens": "max",
        "pooling_mode_mean_tokens": "mean",
        "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
        "pooling_mode_weightedmean_tokens": "weightedmean",
        "pooling_mode_lasttoken": "lasttoken",
    }
)
ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {"Tanh": "tanh", "Identity": "identity", "ReLU": "relu", "GELU": "gelu_erf", "SiLU": "silu"}
)
HOME_OF = {"Identity": "linear"}  # the others live in activation
SIMILARITIES: tuple[Similarity, ...] = ("cosine", "dot", "euclidean", "manhattan")
OURS = "sentence_embedding"


class SentenceTransformersFormat:
    """The Format of sentence-transformers' directories."""

    name = "sentence-transformers"

    def recognises(self, place: Path) -> str | None:
        return MODULES if (place / MODULES).is_file() else None

    def read(self, place: Path) -> Stored:
        """Open a directory; raises FormatError [vector-step-unknown] or as HUGGINGFACE does."""
        modules = read_modules(place / MODULES)
        (_, encoder_place), (_, pooling_place) = modules[:2]
        stored = HUGGINGFACE.read(encoder_place)
        plan = VectorPlan(
            pooling=_read_pooling(pooling_place / "config.json"),
            steps=tuple(_read_step(kind, folder) for kind, folder in modules[2:]),
        )
        _check_widths(plan, stored.weights.config.hidden_size, place)
        plan = _with_encoder_settings(plan, encoder_place / ENCODER_SETTINGS)
        return replace(stored, vectors=_with_settings(plan, place / SETTINGS))

    def write(self, stored: Stored, place: Path, *, dtype: SavedDtype = "float32") -> None:
        """Write a directory that sentence-transformers opens, whole or not at all.

        Heads are left out: vectors need none. Raises InputError [vector-step-unknown] for the
        pooler, which sentence-transformers doesn't know as a way of pooling.
        """
        plan = stored.vectors or VectorPlan()
        if plan.pooling not in POOLINGS:
            raise InputError(
                "vector-step-unknown",
                f"pooling is {plan.pooling!r}",
                why="sentence-transformers pools by mean, cls or max",
                fix="Save with one of these",
            )
        with new_directory(place) as folder:
            HUGGINGFACE.write(
                replace(stored, weights=_headless(stored.weights)), folder, dtype=dtype
            )
            modules = [("", ENCODER), ("1_Pooling", POOLING)]
            _write_json(folder / ENCODER_SETTINGS, _encoder_settings(plan, stored.weights))
            _write_pooling(folder / "1_Pooling", plan.pooling, stored.weights.config.hidden_size)
            for number, step in enumerate(plan.steps, 2):
                kind = DENSE if isinstance(step, Dense) else NORMALISE
                modules.append((f"{number}_{kind}", kind))
                _write_step(folder / f"{number}_{kind}", step)
            _write_json(folder / MODULES, _listed(modules))
            _write_json(
                folder / SETTINGS,
                {
                    "prompts": dict(plan.prompts),
                    "default_prompt_name": plan.default_prompt,
                    "similarity_fn_name": plan.similarity,
                },
            )


SENTENCE_TRANSFORMERS = SentenceTransformersFormat()


def read_modules(path: Path) -> list[tuple[str, Path]]:
    """(kind, folder) of each module: an encoder, a pooling, then what follows.

    Raises FormatError [json-malformed], [vector-step-unknown].
    """
    # the file holds a list; the reader of objects checks size, encoding and keys given twice
    listed = parse_json(b'{"modules":' + bytes(map_file(path)) + b"}", str(path))["modules"]
    modules = []
    for module in listed if isinstance(listed, list) else []:
        if not isinstance(module, dict):
            raise _unknown(f"a module is {module!r}", "a module is an object", path)
        folder = path.parent / str(module.get("path", ""))
        if not folder.resolve().is_relative_to(path.parent.resolve()):
            raise _unknown(f"a module lies in {str(folder)!r}", "that is elsewhere", path)
        modules.append((str(module.get("type", "")).rpartition(".")[2], folder))
    kinds = [kind for kind, _ in modules]
    if kinds[:2] != [ENCODER, POOLING]:
        raise _unknown(
            f"the modules are {', '.join(kinds) or 'none'}",
            f"text vectors need {ENCODER} and then {POOLING}",
            path,
        )
    return modules


def _read_pooling(path: Path) -> Pooling:
    found = read_json(path)
    mode = found.get("pooling_mode")
    asked = mode if isinstance(mode, list) else [mode] if mode else _flagged(found)
    if len(asked) != 1 or asked[0] not in POOLINGS:
        raise _unknown(
            f"the pooling is {' + '.join(map(str, asked))}", "known are mean, cls and max", path
        )
    if found.get("include_prompt") is False:
        raise _unknown("the pooling leaves prompts out", "only whole texts are pooled here", path)
    return POOLINGS[str(asked[0])]


def _flagged(found: Mapping[str, JsonValue]) -> list[JsonValue]:
    return [mode for flag, mode in FLAGS.items() if found.get(flag)] or ["mean"]


def _read_step(kind: str, folder: Path) -> VectorStep:
    path = folder / "config.json"
    # before version 5.2 Normalize had no file of its own
    found = read_json(path) if kind != NORMALISE or path.is_file() else {}
    if any(
        found.get(end, OURS) not in (OURS, None)
        for end in ("module_input_name", "module_output_name")
    ):
        raise _unknown(
            f"a {kind} reads or writes token vectors", "only text vectors are made", path
        )
    if kind == NORMALISE:
        return Normalise()
    if kind != DENSE:
        raise _unknown(f"it lists a module {kind!r}", "known are Dense and Normalize", folder)
    if found.get("use_residual"):
        raise _unknown("a Dense adds its input to its output", "only plain ones are known", path)
    named = str(found.get("activation_function", "torch.nn.Tanh")).rpartition(".")[2]
    if named not in ACTIVATIONS:
        raise _unknown(f"the activation is {named}", f"known are {', '.join(ACTIVATIONS)}", path)
    return _read_dense(folder / DENSE_WEIGHTS, ACTIVATIONS[named])


def _read_dense(path: Path, activation: Activation) -> Dense:
    arrays = read_safetensors(path)
    extra = set(arrays) - {"linear.weight", "linear.bias"}
    weight = arrays.get("linear.weight")
    bias = arrays.get("linear.bias")
    if (
        extra
        or weight is None
        or weight.ndim != 2
        or (bias is not None and bias.shape != weight.shape[:1])
    ):
        raise FormatError(
            "checkpoint-misshaped",
            f"its tensors are {', '.join(sorted(arrays))}",
            why="a Dense has linear.weight [out, in] and perhaps linear.bias [out]",
            fix="Copy or download it again",
            where=str(path),
        )
    return Dense(weight, bias, activation)


def _check_widths(plan: VectorPlan, width: int, place: Path) -> None:
    """Each Dense reads as many numbers as come before it."""
    for step in plan.steps:
        if isinstance(step, Dense):
            if step.weight.shape[1] != width:
                raise FormatError(
                    "checkpoint-misshaped",
                    f"a Dense reads {step.weight.shape[1]} numbers of each vector",
                    why=f"the vectors before it have {width}",
                    fix="Copy or download the directory again",
                    where=str(place),
                )
            width = len(step.weight)


def _with_encoder_settings(plan: VectorPlan, path: Path) -> VectorPlan:
    found = read_json(path) if path.is_file() else {}
    length = found.get("max_seq_length")
    return replace(
        plan,
        max_length=length if isinstance(length, int) and length > 0 else None,
        lower_case=found.get("do_lower_case") is True,
    )


def _with_settings(plan: VectorPlan, path: Path) -> VectorPlan:
    found = read_json(path) if path.is_file() else {}
    prompts = found.get("prompts")
    default = found.get("default_prompt_name")
    similarity: Similarity = next(
        (s for s in SIMILARITIES if s == found.get("similarity_fn_name")), "cosine"
    )
    return replace(
        plan,
        prompts=MappingProxyType(
            {name: str(text) for name, text in prompts.items()} if isinstance(prompts, dict) else {}
        ),
        default_prompt=default if isinstance(default, str) else None,
        similarity=similarity,
    )


def _headless(weights: Weights) -> Weights:
    table = parameter_table(weights.config, pooler=weights.has_pooler)
    arrays = {row.name: weights.arrays[row.name] for row in table.stored}
    return Weights(weights.config, (), arrays, weights.origin)


def _encoder_settings(plan: VectorPlan, weights: Weights) -> dict[str, object]:
    positions = weights.config.max_position_embeddings
    return {"max_seq_length": plan.max_length or positions, "do_lower_case": plan.lower_case}


def _write_pooling(folder: Path, pooling: Pooling, width: int) -> None:
    folder.mkdir()
    flags = {flag: mode == pooling for flag, mode in FLAGS.items()}
    _write_json(
        folder / "config.json", {"word_embedding_dimension": width, **flags, "include_prompt": True}
    )


def _write_step(folder: Path, step: VectorStep) -> None:
    folder.mkdir()
    if isinstance(step, Normalise):
        _write_json(folder / "config.json", {})
        return
    arrays = {"linear.weight": step.weight}
    if step.bias is not None:
        arrays["linear.bias"] = step.bias
    write_safetensors(folder / DENSE_WEIGHTS, arrays)
    named = next(name for name, activation in ACTIVATIONS.items() if activation == step.activation)
    _write_json(
        folder / "config.json",
        {
            "in_features": step.weight.shape[1],
            "out_features": step.weight.shape[0],
            "bias": step.bias is not None,
            "activation_function": f"torch.nn.modules.{HOME_OF.get(named, 'activation')}.{named}",
        },
    )


def _listed(modules: Iterable[tuple[str, str]]) -> list[dict[str, object]]:
    return [
        {"idx": number, "name": str(number), "path": path, "type": WRITTEN_TYPE + kind}
        for number, (path, kind) in enumerate(modules)
    ]


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _unknown(what: str, why: str, path: Path) -> FormatError:
    return FormatError(
        "vector-step-unknown",
        what,
        why=why,
        fix="Open the encoder alone and pool as you need it, or save the model in another form",
        where=str(path),
    )
