"""TextClassifier: labels of texts, as Hugging Face's pipeline("text-classification") gives them.

Single label, several labels, or a number (regression), as the model's config says. Differences: a
text that is too long is cut with a warning; a temperature and thresholds that the config holds are
used; pairs may be tuples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypedDict, Unpack, cast

import numpy as np

from albertkit.arrays import FloatArray
from albertkit.engine.packing import compute_head_logits, compute_text_vectors
from albertkit.engine.pooling import apply_modules
from albertkit.errors import FormatError
from albertkit.errors.arguments import check_keywords
from albertkit.runtime import LoadKeywords
from albertkit.spec import AlbertConfig
from albertkit.spec.heads import SEQUENCE_CLASSIFICATION, VECTOR_HEAD
from albertkit.spec.pooling_config import PoolingConfig
from albertkit.spec.vector_head import VectorHead
from albertkit.tasks.encode import ProgressLine, make_progress
from albertkit.tasks.head_call import HeadCall, HeadTask
from albertkit.tasks.inputs import Texts, convert_to_list, read_stream, read_texts
from albertkit.tasks.options import ClassifyOptions, ScoreFunction, TruncationMode
from albertkit.tasks.reports import EncodeReport
from albertkit.tokenization import Encodings

HEAD = SEQUENCE_CLASSIFICATION.name
DECISION = 0.5  # the least score of a predicted label, of several that are decided one by one


class LabelScore(TypedDict):
    """A label with its score; Hugging Face's names."""

    label: str | None  # None: the score is below `abstain_below`
    score: float


Prediction: TypeAlias = str | list[str] | float | list[float] | None
ClassifyCall: TypeAlias = HeadCall[Texts, Encodings, FloatArray]


class TextClassifier(HeadTask):
    """Labels of texts or pairs of texts.

    Args:
        model: A directory with a sequence classification head, or one that `finetune` wrote, or a
            name on a hub.
        truncation: What to do with texts that are too long: "error", "warn" or "off".
        **options: The fields of LoadOptions: engine, device, precision, policy, revision, …

    Raises:
        InputError: [head-missing], [option-invalid], and those of `load`.
        FormatError: [config-value-invalid] for a temperature or threshold that is not a number.
        AlbertKitError: As `load`.
    """

    @check_keywords
    def __init__(
        self,
        model: str | Path | None = None,
        *,
        truncation: TruncationMode = "warn",
        **options: Unpack[LoadKeywords],
    ) -> None:
        super().__init__((HEAD, VECTOR_HEAD), model, truncation, options)
        self.vector_head: VectorHead | None = None
        if self.head == VECTOR_HEAD:
            self.vector_head = self.model.checkpoint.vector_head
        self.temperature: float = _read_temperature(self.model.config)
        self.thresholds: FloatArray | None = _read_thresholds(self.model.config)
        self.abstain_below: float | None = _read_number(self.model.config, "abstain_below")

    @property
    def is_regression(self) -> bool:
        """Whether the head gives numbers, not labels."""
        return self.model.config.problem_type == "regression"

    @property
    def is_multi_label(self) -> bool:
        """Whether a text can have several labels, each decided alone."""
        return self.model.config.problem_type == "multi_label_classification"

    @check_keywords
    def __call__(
        self,
        inputs: object,
        *,
        top_k: int | Literal[""] | None = "",
        function_to_apply: ScoreFunction | None = None,
        abstain_below: float | None = None,
        show_progress_bar: bool | None = None,
    ) -> Any:
        """Find the best labels of texts.

        Args:
            inputs: A text, or a pair as a dict of `text` and `text_pair`; a list or column of
                texts, of such dicts or of pairs; an iterator of them.
            top_k: How many labels of each text; None: all. Without it, the best one.
            function_to_apply: "softmax", "sigmoid" or "none". None: as the config says: "none" for
                regression, "sigmoid" for several labels or a single one, else "softmax".
            abstain_below: Below this score the label is None.
            show_progress_bar: None: yes on a terminal if the log level is INFO.

        Returns:
            As Hugging Face's pipeline: a list of {"label", "score"}, one for each text of a list.
            With top_k a list of them for each text, the best first; without it, a text alone gives
            a list of one. Of an iterator an iterator in the same order, a window at a time.

        Raises:
            InputError: [input-not-texts], [option-invalid], [text-too-long].
        """
        asks = top_k != ""
        options = ClassifyOptions(
            top_k=1 if top_k == "" else top_k,
            function_to_apply=function_to_apply,
            abstain_below=abstain_below,
        )

        def convert(logits: FloatArray) -> Any:
            best = self.rank(logits, options)
            return best if asks else best[0]

        if isinstance(inputs, Iterator):
            call = self.call(make_progress(show_progress_bar, None))
            return map(convert, call.stream(read_stream(map(_read_dict, inputs))))
        texts = _read_inputs(inputs)
        call = self.call(make_progress(show_progress_bar, len(texts)))
        answers = [convert(logits) for logits in call.collect(texts.windows())]
        return answers[0] if isinstance(inputs, Mapping) or (texts.is_one and asks) else answers

    def predict(self, inputs: object, *, show_progress_bar: bool | None = None) -> list[Prediction]:
        """Decide on the labels of texts, with the thresholds of the config.

        Args:
            inputs: A list, a column or an iterator of texts, of pairs, or of dicts.
            show_progress_bar: As for a call.

        Returns:
            For each text its label, or None below `abstain_below`; of a model for several labels
            the list of those whose score reaches its threshold; of a regression the number.

        Raises:
            InputError: As a call.
        """
        return [self.decide(row) for row in self.compute_logits(inputs, show_progress_bar)]

    def compute_logits(self, inputs: object, show_progress_bar: bool | None = None) -> FloatArray:
        """The logits of texts, before temperature and softmax.

        Args:
            inputs: As for `predict`.
            show_progress_bar: As for a call.

        Returns:
            [N, C] float32.
        """
        texts = _read_inputs(list(inputs) if isinstance(inputs, Iterator) else inputs)
        call = self.call(make_progress(show_progress_bar, len(texts)))
        rows = call.collect(texts.windows())
        return np.stack(rows) if rows else np.empty((0, len(self.labels)), np.float32)

    def call(self, progress: ProgressLine | None = None) -> ClassifyCall:
        """The call that computes the logits [C] of each text, for jobs and commands.

        Args:
            progress: Counts texts.
        """
        report = self.new_report()
        if self.vector_head is not None:
            return self._vector_call(self.vector_head, report, progress)

        def compute(encodings: Encodings) -> list[FloatArray]:
            engine = self.model.engine_for(encodings)
            return list(compute_head_logits(engine, encodings, HEAD))

        return HeadCall(
            lambda texts: report.tokenize(self.tokenizer, texts), compute, report, progress
        )

    def _vector_call(
        self, head: VectorHead, report: EncodeReport, progress: ProgressLine | None
    ) -> ClassifyCall:
        """The call of a linear head on text vectors; the texts of a pair are encoded alone."""
        pooling = self.model.pooling or PoolingConfig()
        before = 0  # texts, or pairs, of earlier windows

        def prepare(texts: Texts) -> Encodings:
            nonlocal before
            head.check_pairs(texts.second is not None)
            both = [pooling.as_read(text) for text in (*texts.first, *(texts.second or ()))]
            numbers = texts.numbers or range(before, before + len(texts))
            before += len(texts)
            numbers = [*numbers] * (len(both) // max(1, len(texts)))  # both texts of a pair have it
            return report.tokenize(self.tokenizer, Texts(both, None, texts.is_one, numbers))

        def compute(encodings: Encodings) -> list[FloatArray]:
            engine = self.model.engine_for(encodings)
            vectors = compute_text_vectors(engine, encodings, pooling.pooling)
            vectors = apply_modules(pooling.steps, vectors, self.model.config)
            if not head.reads_pairs:
                return list(head.logits(vectors[:, : pooling.truncate_dim]))
            first, second = np.split(vectors[:, : pooling.truncate_dim], 2)
            return list(head.logits(first, second))

        return HeadCall(prepare, compute, report, progress)

    def scores(self, logits: FloatArray, function: ScoreFunction | None = None) -> FloatArray:
        """What the config makes of logits.

        Args:
            logits: [..., C].
            function: "softmax", "sigmoid" or "none". None: as the config says.

        Returns:
            [..., C], probabilities unless the function is "none".
        """
        if function is None:
            function = self._own_function()
        if function == "none":
            return logits
        scaled = logits / np.float32(self.temperature)
        if function == "sigmoid":
            return sigmoid(scaled)
        return softmax(scaled)

    def rank(self, logits: FloatArray, options: ClassifyOptions) -> list[LabelScore]:
        """The best labels of one text.

        Args:
            logits: [C].
            options: How many labels, and what their scores are.
        """
        scores = self.scores(logits, options.function_to_apply)
        order = np.argsort(-scores, kind="stable")[: options.top_k]
        ranked = [
            LabelScore(label=self.labels[number], score=float(scores[number]))
            for number in order.tolist()
        ]
        if self._abstains(ranked[0]["score"], options):
            ranked[0]["label"] = None
        return ranked

    def decide(self, logits: FloatArray, options: ClassifyOptions | None = None) -> Prediction:
        """The decision about one text, as `predict` gives it.

        Args:
            logits: [C].
            options: What scores are, and when there is no decision. None: as the config says.
        """
        options = options or ClassifyOptions()
        scores = self.scores(logits, options.function_to_apply)
        if self.is_regression:
            return float(scores[0]) if len(scores) == 1 else scores.tolist()
        if self.is_multi_label:
            thresholds = DECISION if self.thresholds is None else self.thresholds
            chosen = np.flatnonzero(scores >= thresholds)
            return [self.labels[number] for number in chosen]
        best = int(np.argmax(scores))
        if self.thresholds is not None and len(scores) == 2:
            best = int(scores[1] >= self.thresholds[1])
        return None if self._abstains(scores[best], options) else self.labels[best]

    def _abstains(self, score: float, options: ClassifyOptions) -> bool:
        """Whether the score of the best label is too low for a decision."""
        least = self.abstain_below if options.abstain_below is None else options.abstain_below
        return least is not None and score < least and not self.is_regression

    def _own_function(self) -> ScoreFunction:
        """Source: transformers 5's TextClassificationPipeline."""
        config = self.model.config
        if self.is_regression:
            return "none"
        return "sigmoid" if self.is_multi_label or config.num_labels == 1 else "softmax"


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities along the last axis."""
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    probabilities: FloatArray = exponentials / exponentials.sum(-1, keepdims=True)
    return probabilities


def sigmoid(logits: FloatArray) -> FloatArray:
    """A probability for each logit."""
    negative = np.exp(-np.abs(logits))
    probabilities: FloatArray = np.where(logits >= 0, 1, negative) / (1 + negative)
    return probabilities


def _read_inputs(inputs: object) -> Texts:
    """Texts and pairs, among them Hugging Face's dicts of `text` and `text_pair`."""
    if isinstance(inputs, Mapping):
        return read_texts([_read_dict(inputs)])
    if isinstance(inputs, str) or getattr(inputs, "ndim", None) == 0:
        return read_texts(inputs)
    return read_texts([_read_dict(item) for item in convert_to_list(inputs)])


def _read_dict(item: object) -> object:
    if not isinstance(item, Mapping):
        return item
    pair = item.get("text_pair")
    return item.get("text") if pair is None else (item.get("text"), pair)


def _read_temperature(config: AlbertConfig) -> float:
    temperature = _read_number(config, "temperature")
    if temperature is not None and not temperature > 0:
        raise _bad_number_error("temperature", temperature)
    return temperature or 1.0


def _read_thresholds(config: AlbertConfig) -> FloatArray | None:
    """[C] the least score of each label: one number for all, or a number by label."""
    value = config.extra.get("decision_threshold")
    if value is None:
        return None
    if isinstance(value, Mapping):
        unknown = [label for label in value if label not in config.label2id]
        if unknown:
            raise _bad_number_error("decision_threshold", unknown[0])
        numbers = [
            value.get(config.id2label[number], DECISION) for number in range(config.num_labels)
        ]
    else:
        numbers = [value] * config.num_labels
    if not all(isinstance(number, int | float) for number in numbers):
        raise _bad_number_error("decision_threshold", value)
    return np.array(cast("list[float]", numbers), np.float32)


def _read_number(config: AlbertConfig, name: str) -> float | None:
    value = config.extra.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad_number_error(name, value)
    return float(value)


def _bad_number_error(name: str, value: object) -> FormatError:
    return FormatError(
        "config-value-invalid",
        f"{name} is {value!r}",
        why="it is a positive number that fine-tuning wrote for this model's labels",
        fix=f"Correct it, or remove {name} from the config",
        where="config.json",
    )
