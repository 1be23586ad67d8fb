"""TextEmbedder: texts → vectors, called as sentence-transformers is called.

Differences: results are numpy arrays unless tensors are asked for; a warning is logged when a text
is truncated; unknown arguments and mixed lists of texts and pairs are refused.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, Unpack, get_args, overload

import numpy as np
import numpy.typing as npt

from albertkit.arrays import FloatArray
from albertkit.errors import Diagnostic, InputError
from albertkit.errors.arguments import (
    check_choice,
    check_integer,
    check_keywords,
    describe_value,
    refuse_unknown,
)
from albertkit.fileformats.safetensors import SavedDtype
from albertkit.runtime import LoadedModel, LoadKeywords, load
from albertkit.sources import VECTORS
from albertkit.spec.pooling_config import Pooling, PoolingConfig, Similarity
from albertkit.tasks.encode import EncodeCall, ProgressLine, VectorStream, make_progress
from albertkit.tasks.framework_calls import FrameworkCalls
from albertkit.tasks.inputs import FIRST_WINDOW, read_stream, read_texts
from albertkit.tasks.options import (
    LONG_TEXT_MODES,
    EncodeOptions,
    LongTextMode,
    OutputValue,
    PartsMode,
    VectorType,
)
from albertkit.tasks.reports import EncodeReport
from albertkit.tasks.vector_types import VectorCast, to_array, to_tensor
from albertkit.tokenization import AlbertTokenizer

if TYPE_CHECKING:
    from albertkit.tokenization.parts import PartCutter

LOGGER = logging.getLogger(__name__)

MISSING: Final = object()  # no texts were given; None could be one
# Prompts that always exist, empty if the model has none. Source: sentence-transformers 6.2
DEFAULT_PROMPTS: Final = {"query": "", "document": ""}


class TextEmbedder(FrameworkCalls):
    """Vectors of texts.

    Args:
        model: A directory (sentence-transformers, Hugging Face or any other known format), a
            built-in model's name, or a name on a hub. None: the built-in model for vectors.
        pooling: How token vectors become one vector. None: the model's pooling.
        prompts: Name → words to put before each text; added to the model's prompts.
        default_prompt_name: The prompt of calls that do not name one.
        max_length: Maximum number of ids of a text, special tokens included. None: the model's.
        similarity_fn_name: The measure of `similarity`. None: the model's.
        truncate_dim: Keep the first numbers of each vector.
        truncation: What to do with longer texts: "error" refuses them, "warn" cuts them and logs
            one warning a call, "off" cuts them, "windows" reads all of them in parts, whose mean is
            the vector (as `encode` with this chunk and parts="mean").
        cache_folder: The same as `cache_dir`, by sentence-transformers' name.
        **options: The fields of LoadOptions: engine, device, precision, deterministic,
            policy, revision, token, local_files_only, …

    Raises:
        InputError: [option-invalid], [prompt-unknown], and those of `load`.
        AlbertKitError: As `load`.
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
        truncation: LongTextMode = "warn",
        cache_folder: str | Path | None = None,
        **options: Unpack[LoadKeywords],
    ) -> None:
        if truncate_dim is not None:
            truncate_dim = check_integer("truncate_dim", truncate_dim)
        if max_length is not None:
            max_length = check_integer("max_length", max_length)
        check_choice("truncation", truncation, LONG_TEXT_MODES)
        check_choice("pooling", pooling, (*get_args(Pooling), None))
        check_choice("similarity_fn_name", similarity_fn_name, (*get_args(Similarity), None))
        self.truncation: LongTextMode = truncation
        if cache_folder is not None:
            options["cache_dir"] = cache_folder
        loaded = load(VECTORS if model is None else model, **options)
        if pooling is None and loaded.pooling is None:
            _warn_untrained(loaded)
        config = loaded.pooling or PoolingConfig()
        self.model: LoadedModel = loaded.with_pooling(
            replace(
                config,
                pooling=pooling or config.pooling,
                prompts=MappingProxyType({**DEFAULT_PROMPTS, **config.prompts, **(prompts or {})}),
                default_prompt=default_prompt_name or config.default_prompt,
                max_length=max_length or config.max_length,
                similarity=similarity_fn_name or config.similarity,
                truncate_dim=truncate_dim or config.truncate_dim,
            )
        )
        if truncate_dim is not None:
            self._check_truncate_dim(truncate_dim)
        if max_length is not None:
            self._check_length("max_length", max_length)
        self.resolve_prompt(None, self.default_prompt_name)  # refused here if there is none

    @property
    def pooling(self) -> PoolingConfig:
        """How token vectors become a text's vector, with prompts, length and measure."""
        config = self.model.pooling
        if config is None:
            raise AssertionError("an embedder's model has pooling")
        return config

    @property
    def max_seq_length(self) -> int:
        """Maximum number of ids of a text, special tokens included."""
        return self.model.max_length

    @max_seq_length.setter
    def max_seq_length(self, ids: int) -> None:
        ids = check_integer("max_seq_length", ids)
        self._check_length("max_seq_length", ids)
        self._change(max_length=ids)

    @property
    def truncate_dim(self) -> int | None:
        """How many numbers of a vector are kept, from the first; None: all."""
        return self.pooling.truncate_dim

    @truncate_dim.setter
    def truncate_dim(self, dimensions: int | None) -> None:
        if dimensions is not None:
            dimensions = check_integer("truncate_dim", dimensions)
            self._check_truncate_dim(dimensions)
        self._change(truncate_dim=dimensions)

    @property
    def tokenizer(self) -> AlbertTokenizer:
        """The model's tokenizer; raises FormatError [no-vocabulary] if it has none."""
        return self.model.tokenizer

    @property
    def prompts(self) -> dict[str, str]:
        """Name → words to put before each text; a new dict."""
        return dict(self.pooling.prompts)

    @prompts.setter
    def prompts(self, prompts: Mapping[str, str]) -> None:
        self._change(prompts=MappingProxyType(dict(prompts)))

    @property
    def default_prompt_name(self) -> str | None:
        """The prompt of calls that do not name one."""
        return self.pooling.default_prompt

    @default_prompt_name.setter
    def default_prompt_name(self, name: str | None) -> None:
        if name is not None:
            self.resolve_prompt(None, name)
        self._change(default_prompt=name)

    @property
    def similarity_fn_name(self) -> Similarity:
        """The measure of `similarity`."""
        return self.pooling.similarity

    @similarity_fn_name.setter
    def similarity_fn_name(self, name: Similarity) -> None:
        check_choice("similarity_fn_name", name, get_args(Similarity))
        self._change(similarity=name)

    @property
    def device(self) -> str:
        """Where vectors are computed: "cpu", "cuda" or "cuda:1"."""
        return self.model.engines.device

    def to(self, device: object) -> Self:
        """Return the embedder, if this is the device on which it computes.

        Args:
            device: "cpu", "cuda", or a torch.device; the constructor chooses it.

        Raises:
            InputError: [option-invalid] for another device.
        """
        self._check_device(device)
        return self

    def get_max_seq_length(self) -> int:
        """The same as `max_seq_length`."""
        return self.max_seq_length

    def get_embedding_dimension(self) -> int:
        """How many numbers a vector has."""
        return self.pooling.width(self.model.config.hidden_size)

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
        precision: Literal["float32"] | None = ...,
        convert_to_numpy: Literal[True] = ...,
        convert_to_tensor: Literal[False] = ...,
        device: str | None = ...,
        normalize_embeddings: bool = ...,
        truncate_dim: int | None = ...,
        pool: None = ...,
        chunk_size: int | None = ...,
        *,
        ranges: npt.ArrayLike | None = ...,
        chunk: None = ...,
        overlap: int = ...,
        parts: PartsMode = ...,
        markdown: bool = ...,
        inputs: object = ...,
    ) -> FloatArray: ...
    @overload
    def encode(self, sentences: object = ..., *given: Any, **options: Any) -> Any: ...
    def encode(  # noqa: PLR0911, PLR0917  # the order is sentence-transformers'
        self,
        sentences: object = MISSING,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        output_value: OutputValue = "sentence_embedding",
        precision: VectorType | None = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: object = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        pool: object = None,
        chunk_size: int | None = None,
        *,
        ranges: npt.ArrayLike | None = None,
        chunk: int | None = None,
        overlap: int = 0,
        parts: PartsMode = "rows",
        markdown: bool = False,
        output: str | Path | None = None,
        **others: object,
    ) -> Any:
        """Compute the vectors of texts.

        Args:
            sentences: A text, a list or column of texts, a list of pairs (tuples), or an iterator
                of texts or pairs. Also called `inputs`.
            prompt_name: The name of a prompt of the model. None: its default prompt.
            prompt: Words to put before each text; goes before prompt_name.
            batch_size: At most the memory of this many longest texts is used at a time.
            show_progress_bar: None: yes on a terminal if the log level is INFO.
            output_value: "token_embeddings" gives one array [S, H] a text, special tokens
                included. None gives dicts with ids, mask and both kinds of vectors.
            precision: The type of the vectors' numbers, as of `quantize_embeddings`. None: float32.
            convert_to_numpy: False gives a list of tensors.
            convert_to_tensor: Give one tensor of torch.
            device: Accepted if it is where the model computes; choose it in the constructor.
            normalize_embeddings: Scale each vector to length 1, after truncate_dim.
            truncate_dim: Keep the first numbers of each vector. None: as the constructor says.
            pool: Must be None: one process uses all processors.
            chunk_size: Accepted, and without effect.
            ranges: [2, D], for int8 and uint8. None: the ranges of the list; of an iterator, and
                with output, those of the first window.
            chunk: Cut each text into parts of at most this many ids, special tokens and the prompt
                included, at sentences where possible; `chunk` gives their spans. None: texts are
                read whole, and `truncation` decides about those that are too long.
            overlap: Maximum number of pieces that a part shares with the part before it.
            parts: "rows" gives a vector for each part; "mean" gives one for each text, the mean of
                its parts' vectors, each weighted by the part's characters.
            markdown: Leave out Markdown's markup before texts are read.
            output: Write the vectors to this file, completely or not at all, window by window:
                .npy or a table (.arrow, .parquet, .jsonl, …). Ranges are written to a file of the
                same name and .ranges.npy.
            **others: `inputs`; everything else is refused.

        Returns:
            [N, D] of a list, [D] of one text. Of an iterator an iterator of vectors in the same
            order, which reads a window of texts at a time, so that memory does not grow with their
            number. With output a mapped array (.npy), a mapped pyarrow.Table (.arrow), or the path.
            With chunk and parts="rows" an array [P, D] of each text takes the place of its vector;
            output has a row for each part, with the columns row (from 1), part, start and end.

        Raises:
            InputError: [input-not-texts], [option-invalid], [unknown-keyword], [prompt-unknown],
                [text-too-long], [ranges-missing], [chunk-too-large], [chunk-too-small],
                [overlap-too-large].
            FormatError: [no-vocabulary] if the model has no tokenizer.
            ResourceError: [extra-missing] without torch, [write-failed].
        """
        value = _check_first_argument(sentences, others)
        self._check_device(device, pool)
        options = EncodeOptions(
            prompt_name=prompt_name,
            prompt=prompt,
            batch_size=batch_size,
            output_value=output_value,
            precision=precision or "float32",
            truncate_dim=truncate_dim,
            normalize_embeddings=normalize_embeddings,
            chunk=chunk,
            overlap=overlap,
            parts=parts,
            markdown=markdown,
        )
        if output is not None:
            check_choice("output_value with output", output_value, ("sentence_embedding",))
        cast = VectorCast(options.precision, None if ranges is None else to_array(ranges, "ranges"))
        texts = None
        if isinstance(value, Iterator):
            windows = read_stream(value, self._first_window(options, cast))
        else:
            texts = read_texts(value)
            windows = texts.windows()
        progress = make_progress(show_progress_bar, None if texts is None else len(texts.first))
        tensors = convert_to_tensor or not convert_to_numpy
        call = self.encode_call(options, progress, tensors=tensors)
        answers = call.run(windows, is_live=texts is None)
        if output is not None:
            from albertkit.tasks.vector_file import write_vectors

            return write_vectors(Path(output), answers, cast, call.no_vectors())
        if texts is None:
            return VectorStream(call, answers, cast)
        if options.output_value != "sentence_embedding":
            results = [answer for window in answers for answer in window]
            return results[0] if texts.is_one else results
        if call.gives_parts:
            from albertkit.tasks.part_vectors import split_parts

            arrays = split_parts(list(answers), cast)
            results = arrays if call.convert is None else [call.convert(array) for array in arrays]
            return results[0] if texts.is_one else results
        vectors = cast.of_all(answers, len(texts.first))
        if texts.is_one:
            return vectors[0] if call.convert is None else call.convert(vectors[0])
        if convert_to_tensor:
            return to_tensor(vectors if len(vectors) else np.empty(0, np.float32))
        if convert_to_numpy:
            return vectors if len(vectors) else np.array([])  # as sentence-transformers
        return [to_tensor(vector) for vector in vectors]

    def encode_query(self, sentences: object = MISSING, **options: Any) -> Any:
        """Encode search queries: `encode` with the prompt "query".

        Args:
            sentences: As in `encode`.
            **options: As in `encode`; `prompt` or `prompt_name` replaces the prompt "query".
        """
        return self._encode_as("query", sentences, options)

    def encode_document(self, sentences: object = MISSING, **options: Any) -> Any:
        """Encode documents to be searched: `encode` with the prompt "document".

        Args:
            sentences: As in `encode`.
            **options: As in `encode`; `prompt` or `prompt_name` replaces the prompt "document".
        """
        return self._encode_as("document", sentences, options)

    def tokenize(self, texts: object) -> dict[str, Any]:
        """The ids, mask and type ids of texts as tensors of torch, padded and truncated.

        Args:
            texts: Texts or pairs, without prompts.

        Returns:
            input_ids, token_type_ids and attention_mask, [N, S] each.

        Raises:
            InputError: [input-not-texts].
            ResourceError: [extra-missing] without torch.
        """
        checked = read_texts(texts)
        encodings = self.tokenizer(
            checked.first,
            checked.second,
            padding=True,
            truncation=True,
            max_length=self.max_seq_length,
            return_tensors="pt",
        )
        return dict(encodings)

    @check_keywords
    def similarity(self, left: npt.ArrayLike, right: npt.ArrayLike) -> Any:
        """The similarity of all vectors of `left` and all of `right`, by the model's measure.

        Args:
            left: [N, D], or one vector [D]: arrays, lists or tensors.
            right: [M, D], or one vector [D].

        Returns:
            [N, M]; a tensor if either is one, else an array.

        Raises:
            InputError: [inputs-shape], [option-invalid].
        """
        from albertkit.tasks.similarity import similarity  # not needed to encode

        return similarity(left, right, self.pooling.similarity)

    @check_keywords
    def similarity_pairwise(self, left: npt.ArrayLike, right: npt.ArrayLike) -> Any:
        """The similarity of the first vector of `left` and the first of `right`, and so on.

        Args:
            left: [N, D], or one vector [D]: arrays, lists or tensors.
            right: The same shape.

        Returns:
            [N]; a tensor if either is one, else an array.

        Raises:
            InputError: [inputs-shape], [option-invalid].
        """
        from albertkit.tasks.similarity import similarity_pairwise

        return similarity_pairwise(left, right, self.pooling.similarity)

    @check_keywords
    def save_pretrained(self, path: str | Path, *, dtype: SavedDtype = "float32") -> None:
        """Write a directory that sentence-transformers, transformers and this class open.

        Args:
            path: The directory; its files of the same names are replaced.
            dtype: How weights are stored.

        Raises:
            InputError: [pooling-unsupported] for the pooler.
            ResourceError: [write-failed].
        """
        from albertkit.checkpoints import SENTENCE_TRANSFORMERS, Checkpoint
        from albertkit.fileformats.atomic import create_directory
        from albertkit.runtime.loaded_model import add_fingerprint

        weights = add_fingerprint(self.model.weights, self.tokenizer)
        with create_directory(Path(path)) as folder:
            checkpoint = Checkpoint(weights, pooling=self.pooling)
            SENTENCE_TRANSFORMERS.write(checkpoint, folder, dtype=dtype)
            self.tokenizer.write_files(folder)

    save = save_pretrained

    def close(self) -> None:
        """Free the engine's memory; the next call makes it again."""
        self.model.close()

    def encode_call(
        self,
        options: EncodeOptions,
        progress: ProgressLine | None = None,
        *,
        tensors: bool = False,
    ) -> EncodeCall:
        """Prepare one call of `encode`, for callers that have their texts in windows.

        Args:
            options: What the call asks for.
            progress: Counts finished texts. None: no progress.
            tensors: Give torch tensors instead of arrays.

        Raises:
            InputError: [prompt-unknown], [option-invalid] for a truncate_dim above the model's
                dimensions, [chunk-too-large], [chunk-too-small], [overlap-too-large].
        """
        pooling = self.pooling
        prompt = self.resolve_prompt(options.prompt, options.prompt_name)
        if options.truncate_dim is not None:
            self._check_truncate_dim(options.truncate_dim)
        elif pooling.truncate_dim is not None:
            options = replace(options, truncate_dim=pooling.truncate_dim)
        if options.chunk is None and self.truncation == "windows":
            if options.output_value != "sentence_embedding":
                raise InputError(
                    "option-invalid",
                    f"output_value is {options.output_value!r}, and truncation 'windows'",
                    why="of a long text that is read in parts only the mean of vectors is known",
                    fix="Open the model with another truncation for the vectors of tokens",
                )
            options = replace(options, chunk=self.max_seq_length, parts="mean")
        cutter = None
        if options.chunk is not None:
            cutter = _make_cutter(self, options, prompt)
        report = EncodeReport(options.chunk or self.max_seq_length, self.truncation)
        convert = to_tensor if tensors else None
        prompt_length = 0 if pooling.include_prompt else self._prompt_length(prompt)
        return EncodeCall(
            self.model, pooling, prompt, options, report, progress, convert, prompt_length, cutter
        )

    @check_keywords
    def chunk(
        self,
        texts: object,
        chunk: int | None = None,
        *,
        overlap: int = 0,
        markdown: bool = False,
        prompt_name: str | None = None,
        prompt: str | None = None,
    ) -> Any:
        """Cut texts into the parts that `encode` makes with the same arguments.

        Args:
            texts: One text, or a list or column of texts.
            chunk: Maximum number of ids of a part, special tokens and the prompt included. None: as
                many as the model reads.
            overlap: Maximum number of pieces that a part shares with the part before it.
            markdown: Leave out Markdown's markup; start and end are those of the Markdown.
            prompt_name: As in `encode`; it takes its room in each part.
            prompt: As in `encode`.

        Returns:
            For each text a list of TextSpan (text, start, end); of one text its list.

        Raises:
            InputError: [input-not-texts], [option-invalid], [prompt-unknown], [chunk-too-large],
                [chunk-too-small], [overlap-too-large].
        """
        from albertkit.tasks.part_vectors import list_parts, refuse_pairs

        checked = read_texts(texts)
        if checked.second is not None:
            raise refuse_pairs()
        options = EncodeOptions(
            chunk=self.max_seq_length if chunk is None else chunk,
            overlap=overlap,
            markdown=markdown,
        )
        cutter = _make_cutter(self, options, self.resolve_prompt(prompt, prompt_name))
        parts, _ = cutter.cut(checked.first)
        results = list_parts(parts)
        return results[0] if checked.is_one else results

    def resolve_prompt(self, prompt: str | None, name: str | None) -> str:
        """Return the words before each text.

        Args:
            prompt: The words themselves. None: look up `name`.
            name: A name in the model's prompts. None: the default prompt, or no words.

        Raises:
            InputError: [prompt-unknown], [option-invalid].
        """
        if isinstance(prompt, str):
            return prompt
        if prompt is not None:
            raise InputError(
                "option-invalid",
                f"prompt is {describe_value(prompt)}",
                why="it is put before each text",
                fix="Give a str, or the name of one of the model's prompts as prompt_name",
            )
        pooling = self.pooling
        prompts = pooling.prompts
        name = name if name is not None else pooling.default_prompt
        if name is None:
            return ""
        if name not in prompts:
            raise InputError(
                "prompt-unknown",
                f"the name of a prompt is {name!r}",
                why=f"the model's prompts are {', '.join(map(repr, prompts)) or 'none'}",
                fix="Take one of these, or put the words before the texts (in Python: prompt=)",
            )
        return prompts[name]

    def __repr__(self) -> str:
        """The model, the size of a vector, and how it is made."""
        return (
            f"TextEmbedder({str(self.model.path)!r}, {self.get_embedding_dimension()} dimensions, "
            f"{self.pooling.pooling_name} pooling, {self.max_seq_length} ids)"
        )

    def _prompt_length(self, prompt: str) -> int:
        """Tokens of the prompt, [CLS] among them, as sentence-transformers counts them: alone."""
        if not prompt:
            return 0
        text = self.pooling.as_read("", prompt)
        encodings = self.tokenizer.encode_batch([text], max_length=self.max_seq_length)
        return len(encodings.ids) - 1  # [SEP] is pooled

    def _encode_as(self, name: str, sentences: object, options: dict[str, Any]) -> Any:
        asks = options.get("prompt") is not None or options.get("prompt_name") is not None
        if not asks and name in self.pooling.prompts:
            options = {**options, "prompt_name": name}
        return self.encode(sentences, **options)

    def _first_window(self, options: EncodeOptions, cast: VectorCast) -> int | None:
        """The size of a stream's first window: large if something is derived from its texts."""
        engines = self.model.engines
        is_measured = engines.precision != "int8" or engines.int8_error is not None
        return FIRST_WINDOW if is_measured and not cast.needs_ranges else None

    def _change(self, **fields: Any) -> None:
        self.model = self.model.with_pooling(replace(self.pooling, **fields))

    def _check_length(self, name: str, ids: int) -> None:
        """Refuse more ids than the model has positions."""
        positions = self.model.config.max_position_embeddings
        if ids > positions:
            raise InputError(
                "option-invalid",
                f"{name} is {ids}",
                why=f"the model has {positions} positions",
                fix=f"Give {positions} or less",
            )

    def _check_truncate_dim(self, dimensions: int) -> None:
        """Refuse more dimensions than there are; sentence-transformers would keep them all."""
        width = replace(self.pooling, truncate_dim=None).width(self.model.config.hidden_size)
        if dimensions > width:
            raise InputError(
                "option-invalid",
                f"truncate_dim is {dimensions}",
                why=f"the model's vectors have {width} dimensions",
                fix=f"Give {width} or less, or leave it out to keep all",
            )

    def _check_device(self, device: object, pool: object = None) -> None:
        """Refuse sentence-transformers' arguments for another place of computation."""
        if device is not None and str(device) not in {"cpu", self.device}:
            raise InputError(
                "option-invalid",
                f"device is {str(device)!r}",
                why=f"this embedder computes on {self.device}",
                fix="Leave it out here, and give it to TextEmbedder",
            )
        if pool is not None:
            raise InputError(
                "option-invalid",
                "a pool of processes is given",
                why="one process uses all processors already",
                fix="Leave pool out",
            )


def _check_first_argument(sentences: object, others: dict[str, object]) -> object:
    """The texts, which sentence-transformers 6 calls `inputs`."""
    if sentences is MISSING and "inputs" in others:
        sentences = others.pop("inputs")
    if others:
        names = inspect.signature(TextEmbedder.encode).parameters
        refuse_unknown(others, [name for name in names if name not in ("self", "others")], "encode")
    return None if sentences is MISSING else sentences


def _make_cutter(embedder: TextEmbedder, options: EncodeOptions, prompt: str) -> PartCutter:
    most = embedder.max_seq_length
    chunk = most if options.chunk is None else options.chunk
    if chunk > most:
        raise InputError(
            "chunk-too-large",
            f"chunk is {chunk}",
            why=f"the model reads {most} ids at most",
            fix=f"Give {most} or less",
        )
    from albertkit.tokenization.parts import PartCutter  # not needed for whole texts

    return PartCutter(
        embedder.tokenizer,
        chunk,
        options.overlap,
        prompt=prompt,
        lower_case=embedder.pooling.lower_case,
        markdown=options.markdown,
    )


def _warn_untrained(model: LoadedModel) -> None:
    """The files have no pooling: sentence-transformers has not trained this model."""
    heads = model.weights.heads
    if "masked_lm" in heads:
        what = "this model was trained to predict masked words, not to give vectors of texts"
    elif heads:
        what = f"this model was trained for {heads[0]}, not to give vectors of texts"
    else:
        what = "the files do not say that this model was trained to give vectors of texts"
    LOGGER.warning(
        Diagnostic(
            "vectors-untrained",
            "warning",
            what,
            why="without such training the mean of the token vectors is similar for any two texts",
            fix=f"Take {VECTORS!r} or another model of `albertkit models --for vectors`, "
            "or name a pooling (mean) if you want these vectors",
            where=str(model.path),
        ).line()
    )
