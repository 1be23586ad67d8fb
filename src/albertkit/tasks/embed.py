"""TextEmbedder: texts → vectors, called as sentence-transformers is called.

What differs: results are numpy arrays where tensors are not asked for by name; a text that was cut
is spoken of; an argument that is not known is refused, and so is a list of both texts and pairs.
"""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, Unpack, get_args, overload

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray
from albertkit.checkpoints import SENTENCE_TRANSFORMERS, Checkpoint
from albertkit.errors import InputError
from albertkit.errors.arguments import check_choice, check_integer
from albertkit.errors.keywords import check_keywords, refuse_unknown
from albertkit.fileformats.atomic import new_directory
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.runtime import LoadedModel, LoadKeywords, load
from albertkit.runtime.loaded_model import add_fingerprint
from albertkit.sources import VECTORS
from albertkit.spec.pooling_config import Pooling, PoolingConfig, Similarity
from albertkit.tasks.answer_stream import AnswerStream
from albertkit.tasks.encode import EncodeCall
from albertkit.tasks.inputs import read_stream, read_texts
from albertkit.tasks.options import EncodeOptions, OutputValue, as_it_is, refuse_elsewhere
from albertkit.tasks.progress import ProgressLine
from albertkit.tasks.reports import WHEN_TOO_LONG, TruncationReport, WhenTooLong
from albertkit.tasks.similarity import similarity, similarity_pairwise
from albertkit.tasks.tensors import as_tensor
from albertkit.tasks.vector_file import write_vectors
from albertkit.tasks.vector_types import VectorCast, VectorType
from albertkit.tokenization import AlbertTokenizer

LOGGER = logging.getLogger(__name__)

NOTHING: Final = object()  # no texts were given, which None would be

# The prompts that encode_document looks for, the first that the model has.
DOCUMENT_PROMPTS: Final = ("document", "passage", "corpus")


class TextEmbedder:
    """One vector for each text.

    model: a directory (sentence-transformers, Hugging Face), a built-in model's name or one of a
    hub; None: the built-in one for vectors. pooling, prompts, default_prompt_name, max_length,
    similarity_fn_name: override what the directory says. truncate_dim: numbers of a vector to
    keep. truncation: what becomes of texts longer than max_length ids: "error", "warn" (cut and
    told, once a call) or "off" (cut). engine, device, precision, calibration, deterministic,
    policy, revision, token, cache_folder, local_files_only: as of `load`, where the folder is
    called cache_dir.
    Raises as `load` does, and InputError [option-invalid].
    """

    @check_keywords
    def __init__(
        self,
        model: str | Path | None = None,
        *,
        pooling: Pooling | None = None,
        prompts: Mapping[str, str] | None = None,
        default_prompt_name: str | None = None,
        max_length: int | None = None,
        similarity_fn_name: Similarity | None = None,
        truncate_dim: int | None = None,
        truncation: WhenTooLong = "warn",
        cache_folder: str | Path | None = None,
        **opening: Unpack[LoadKeywords],
    ) -> None:
        if truncate_dim is not None:
            truncate_dim = check_integer("truncate_dim", truncate_dim)
        if max_length is not None:
            max_length = check_integer("max_length", max_length)
        check_choice("truncation", truncation, WHEN_TOO_LONG)
        check_choice("pooling", pooling, (*get_args(Pooling), None))
        check_choice("similarity_fn_name", similarity_fn_name, (*get_args(Similarity), None))
        self.truncation: WhenTooLong = truncation
        self.truncate_dim = truncate_dim
        name = VECTORS if model is None else model
        if cache_folder is not None:
            opening["cache_dir"] = cache_folder
        loaded = load(name, **opening)
        plan = loaded.pooling or PoolingConfig()
        self.plan = replace(
            plan,
            pooling=pooling or plan.pooling,
            prompts=MappingProxyType(dict(plan.prompts if prompts is None else prompts)),
            default_prompt=default_prompt_name or plan.default_prompt,
            max_length=max_length or plan.max_length,
            similarity=similarity_fn_name or plan.similarity,
        )
        self.prompt_text(None, self.plan.default_prompt)  # refused here where the model lacks it
        self.loaded: LoadedModel = loaded.with_pooling(self.plan)

    @property
    def max_seq_length(self) -> int:
        """Ids of the longest text that is read whole, specials included."""
        return self.loaded.max_length

    @max_seq_length.setter
    def max_seq_length(self, ids: int) -> None:
        ids = check_integer("max_seq_length", ids)
        positions = self.loaded.config.max_position_embeddings
        if ids > positions:
            raise InputError(
                "option-invalid",
                f"max_seq_length is {ids}",
                why=f"the model has {positions} positions",
                fix=f"Give {positions} or less",
            )
        self.plan = replace(self.plan, max_length=ids)
        self.loaded = self.loaded.with_pooling(self.plan)

    @property
    def tokenizer(self) -> AlbertTokenizer:
        return self.loaded.tokenizer

    @property
    def prompts(self) -> dict[str, str]:
        return dict(self.plan.prompts)

    @property
    def similarity_fn_name(self) -> Similarity:
        """The measure of `similarity`."""
        return self.plan.similarity

    def get_embedding_dimension(self) -> int:
        """Numbers in a vector."""
        width = self.plan.width(self.loaded.config.hidden_size)
        return min(width, self.truncate_dim or width)

    get_sentence_embedding_dimension = get_embedding_dimension  # its name before version 6

    @overload
    def encode(
        self,
        sentences: object = ...,
        prompt_name: str | None = ...,
        prompt: str | None = ...,
        batch_size: int = ...,
        show_progress_bar: bool | None = ...,
        output_value: Literal["sentence_embedding"] = ...,
        precision: Literal["float32"] = ...,
        convert_to_numpy: Literal[True] = ...,
        convert_to_tensor: Literal[False] = ...,
        device: str | None = ...,
        normalize_embeddings: bool = ...,
        truncate_dim: int | None = ...,
        pool: None = ...,
        chunk_size: int | None = ...,
        *,
        ranges: npt.ArrayLike | None = ...,
        inputs: object = ...,
    ) -> FloatArray: ...
    @overload
    def encode(self, sentences: object = ..., *given: Any, **options: Any) -> Any: ...
    def encode(  # noqa: PLR0917  # the order is sentence-transformers'
        self,
        sentences: object = NOTHING,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        output_value: OutputValue = "sentence_embedding",
        precision: VectorType = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: object = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        pool: object = None,
        chunk_size: int | None = None,
        *,
        ranges: npt.ArrayLike | None = None,
        output: str | Path | None = None,
        **others: object,
    ) -> Any:
        """Vectors [N, D] of a list of texts or pairs, or one vector [D] of one text.

        An iterator of texts gives an iterator of vectors in the same order, which takes a window
        of texts at a time, so that memory does not grow with their number.

        prompt, prompt_name: what is put before each text. batch_size: the memory of this many
        longest texts is used at most. show_progress_bar: None means where the log is at INFO and
        standard error is a terminal. output_value: "token_embeddings" gives one array [S, H] a
        text, special tokens included; None gives dicts with ids, mask and both kinds of vectors.
        precision: the type of the vectors' numbers, as of `quantize_embeddings`. ranges: [2, D],
        for int8 and uint8; None: of the list, or of an iterator's first window (its `ranges`).
        convert_to_tensor: one torch tensor; convert_to_numpy=False: a list of tensors.
        truncate_dim: keep the first numbers; normalize_embeddings works on what is kept.
        output: write the vectors to a file, whole or not at all, with never more than a window in
        memory: .npy, given back as an array that is mapped; .arrow, as a pyarrow.Table that is; or
        another table (.parquet, .jsonl, …), of which the path is given back. The ranges of bytes
        lie beside it (v.npy.ranges.npy).
        device, pool, chunk_size: taken where they change nothing.

        Raises InputError [input-not-texts], [option-invalid], [unknown-keyword],
        [prompt-unknown], [text-too-long], [ranges-missing], and as rows' writers do.
        """
        given = _first_argument(sentences, others)
        refuse_elsewhere(device, pool)
        options = EncodeOptions(
            prompt=self.prompt_text(prompt, prompt_name),
            batch_size=batch_size,
            output_value=output_value,
            precision=precision,
            kept=truncate_dim if truncate_dim is not None else self.truncate_dim,
            normalise=normalize_embeddings,
            as_asked=as_tensor if convert_to_tensor or not convert_to_numpy else as_it_is,
        )
        if output is not None:
            check_choice("output_value beside output", output_value, ("sentence_embedding",))
        cast = VectorCast(precision, None if ranges is None else np.asarray(ranges))
        texts = None
        if isinstance(given, Iterator):
            windows = read_stream(given)
        else:
            texts = read_texts(given)
            windows = texts.windows()
        line = _progress(show_progress_bar, None if texts is None else len(texts))
        call = self.encode_call(options, line)
        answers = call.told(windows)
        if output is not None:
            return write_vectors(Path(output), answers, cast, call.no_vectors())
        if texts is None:
            return AnswerStream(answers, options, cast)
        if options.output_value == "sentence_embedding":
            vectors = cast.of_all(answers, len(texts))
            if not texts.is_one and (convert_to_tensor or convert_to_numpy):
                return options.as_asked(vectors if len(texts) else np.array([]))
            found = [options.as_asked(vector) for vector in vectors]
        else:
            found = [answer for window in answers for answer in window]
        return found[0] if texts.is_one else found

    def encode_query(self, sentences: object = NOTHING, **options: Any) -> Any:
        """As `encode`, with the prompt "query" where the model has it and no other is asked for."""
        return self._encode_as(("query",), sentences, options)

    def encode_document(self, sentences: object = NOTHING, **options: Any) -> Any:
        """As `encode`, with the prompt "document", "passage" or "corpus", the first there is."""
        return self._encode_as(DOCUMENT_PROMPTS, sentences, options)

    @check_keywords
    def similarity(self, left: npt.ArrayLike, right: npt.ArrayLike) -> FloatArray:
        """How near all vectors of `left` are to all of `right`, [N, M], by the model's measure."""
        return similarity(left, right, self.plan.similarity)

    @check_keywords
    def similarity_pairwise(self, left: npt.ArrayLike, right: npt.ArrayLike) -> FloatArray:
        """How near the vectors of each pair are, [N]."""
        return similarity_pairwise(left, right, self.plan.similarity)

    @check_keywords
    def save_pretrained(self, path: str | Path, *, dtype: SavedDtype = "float32") -> None:
        """Write a directory that sentence-transformers, transformers and this class open.

        Raises InputError [pooling-unsupported] for the pooler, ResourceError [write-failed].
        """
        weights = add_fingerprint(self.loaded.weights, self.tokenizer)
        with new_directory(Path(path)) as folder:
            SENTENCE_TRANSFORMERS.write(Checkpoint(weights, pooling=self.plan), folder, dtype=dtype)
            self.tokenizer.write_files(folder)

    def close(self) -> None:
        """Give the engine's memory back; the next call makes it anew."""
        self.loaded.close()

    def encode_call(self, options: EncodeOptions, line: ProgressLine | None = None) -> EncodeCall:
        """One call of `encode`, for those who bring their texts in windows."""
        cuts = TruncationReport(self.max_seq_length, self.truncation)
        return EncodeCall(self.loaded, self.plan, options, cuts, line)

    def prompt_text(self, prompt: str | None, name: str | None) -> str:
        """What is put before each text; raises InputError [prompt-unknown]."""
        if prompt is not None:
            return prompt
        name = name if name is not None else self.plan.default_prompt
        if name is None:
            return ""
        if name not in self.plan.prompts:
            known = ", ".join(map(repr, self.plan.prompts)) or "none"
            raise InputError(
                "prompt-unknown",
                f"the name of a prompt is {name!r}",
                why=f"the model's prompts are {known}",
                fix="Take one of these, or give the words themselves as prompt=",
            )
        return self.plan.prompts[name]

    def _encode_as(self, names: Iterable[str], sentences: object, options: dict[str, Any]) -> Any:
        if options.get("prompt") is None and options.get("prompt_name") is None:
            found = (name for name in names if name in self.plan.prompts)
            options = {**options, "prompt_name": next(found, None)}
        return self.encode(sentences, **options)


def _first_argument(sentences: object, others: dict[str, object]) -> object:
    """The texts, which sentence-transformers 6 calls `inputs`."""
    if sentences is NOTHING and "inputs" in others:
        sentences = others.pop("inputs")
    if others:
        names = inspect.signature(TextEmbedder.encode).parameters
        refuse_unknown(others, [name for name in names if name not in ("self", "others")], "encode")
    return None if sentences is NOTHING else sentences


def _progress(asked: bool | None, total: int | None) -> ProgressLine | None:
    if asked is None:
        asked = LOGGER.isEnabledFor(logging.INFO) and sys.stderr.isatty()
    return ProgressLine(total) if asked else None
