"""FillMask: the words that fit where a text says [MASK], as Hugging Face's pipeline gives them.

What differs: a text that is too long is refused unless cutting is asked for, and a target is a
whole word where the vocabulary has it as one ("paris" means ▁paris).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np

from albertkit.arrays import FloatArray, Int64Array
from albertkit.engine.lists import logits_of_words
from albertkit.errors import Diagnostic, InputError
from albertkit.errors.arguments import check_choice, check_integer
from albertkit.errors.keywords import check_keywords
from albertkit.runtime import LoadKeywords, load
from albertkit.tasks.inputs import Texts, read_texts
from albertkit.tasks.reports import WHEN_TOO_LONG, WhenTooLong, encode_within
from albertkit.tokenization import Encoding, Encodings
from albertkit.tokenization.encodings import select

LOGGER = logging.getLogger(__name__)

TEXTS_AT_ONCE = 128  # a mask's logits take 4·V bytes: 120 kB at V = 30,000
WORD_BEGINS = "▁"
OTHER_MASKS = re.compile(r"\[mask\]|<mask>", re.IGNORECASE)


class Filled(TypedDict):
    """One word for one mask; Hugging Face's names."""

    score: float  # the probability among all pieces
    token: int
    token_str: str
    sequence: str  # the text with this word


class FillMask:
    """The most probable words for each mask.

    model: a directory with a masked-word head, a built-in model's name or one of a hub; None: the
    built-in one. truncation: of texts longer than the model reads: "error", "warn" or "off".
    engine, device, precision, calibration, deterministic, policy, revision, token, cache_dir,
    local_files_only: as of `load`. Raises as runtime.load does.
    """

    @check_keywords
    def __init__(
        self,
        model: str | Path | None = None,
        *,
        truncation: WhenTooLong = "error",
        **opening: Unpack[LoadKeywords],
    ) -> None:
        check_choice("truncation", truncation, WHEN_TOO_LONG)
        self.truncation: WhenTooLong = truncation
        self.loaded = load(model, **opening)
        self.tokenizer = self.loaded.tokenizer

    @check_keywords
    def __call__(
        self, text: object, top_k: int = 5, targets: str | Sequence[str] | None = None
    ) -> Any:
        """Of each text a list of the `top_k` best words, or one such list for each of its masks.

        One text gives its own answer, and so does a list of one; a longer list gives a list.
        targets: the only words to choose from. Scores are probabilities among all pieces.
        Raises InputError [mask-missing], [text-too-long], [head-missing], [option-invalid].
        """
        texts = read_texts(text)
        top_k = check_integer("top_k", top_k)
        allowed = None if targets is None else self._targets(targets)
        encodings = encode_within(self.loaded, texts, self.loaded.max_length, self.truncation)
        self._check_masks(texts, encodings)
        answers: list[object] = []
        for begin in range(0, len(texts), TEXTS_AT_ONCE):
            some = select(encodings, range(begin, min(begin + TEXTS_AT_ONCE, len(texts))))
            answers += self._filled(some, top_k, allowed)
        return answers[0] if len(answers) == 1 else answers

    def close(self) -> None:
        """Give the engine's memory back; the next call makes it anew."""
        self.loaded.close()

    def _filled(
        self, encodings: Encodings, top_k: int, allowed: Int64Array | None
    ) -> list[list[Filled] | list[list[Filled]]]:
        """The answers for some of the texts."""
        at = np.flatnonzero(encodings.ids == self.tokenizer.mask_token_id)  # [P]
        engine = self.loaded.engine_for(encodings)
        scores = softmax(logits_of_words(engine, encodings, at))  # [P, V]
        best = best_of(scores, top_k, allowed)  # [P, K]
        segment_ids = np.searchsorted(encodings.offsets, at, side="right") - 1  # [P]
        answers: list[list[Filled] | list[list[Filled]]] = []
        for number, encoding in enumerate(encodings):
            masks = np.flatnonzero(segment_ids == number)
            places = at[masks] - encodings.offsets[number]
            each = [
                self._words(encoding, int(place), best[mask], scores[mask], len(masks) == 1)
                for mask, place in zip(masks, places, strict=True)
            ]
            answers.append(each[0] if len(each) == 1 else each)
        return answers

    def _words(
        self, encoding: Encoding, place: int, best: Int64Array, scores: FloatArray, alone: bool
    ) -> list[Filled]:
        """alone: whether it is the text's only mask; else the others stay visible."""
        ids = encoding.ids.copy()
        words = []
        for token in best.tolist():
            ids[place] = token
            words.append(
                Filled(
                    score=float(scores[token]),
                    token=token,
                    token_str=self.tokenizer.decode([token]),
                    sequence=self.tokenizer.decode(ids.tolist(), skip_special_tokens=alone),
                )
            )
        return words

    def _targets(self, targets: str | Sequence[str]) -> Int64Array:
        """The ids of the words to choose from, each once."""
        words = [targets] if isinstance(targets, str) else list(targets)
        if not words:
            raise InputError(
                "option-invalid",
                "targets is empty",
                why="at least one target must be provided when passed",
                fix="Name words, or leave targets out",
            )
        for word in words:
            if not isinstance(word, str) or not word.strip():
                raise InputError(
                    "option-invalid",
                    f"one of targets is {word!r}",
                    why="a target is a word, a str with letters",
                    fix="Correct it, or leave it out",
                )
        return np.unique(np.array([self._target(word) for word in words], np.int64))

    def _target(self, word: str) -> int:
        """The id of a word, of the piece of this name, or of the word's first piece (told)."""
        pieces = self.tokenizer.get_vocab()
        if word.startswith(WORD_BEGINS) and word in pieces:
            return pieces[word]
        inside = self.tokenizer.encode_batch([word])[0].ids[1:-1].tolist()
        if len(inside) == 1 and inside[0] != self.tokenizer.unk_token_id:
            return int(inside[0])
        if word in pieces:
            return pieces[word]
        chosen = int(inside[0]) if inside else self.tokenizer.unk_token_id
        LOGGER.warning(
            Diagnostic(
                "target-unknown",
                "warning",
                f"the target {word!r} is {len(inside)} pieces of this vocabulary",
                why="a mask stands for one piece, and known words are one",
                fix=f"Its first is scored: {self.tokenizer.convert_ids_to_tokens(chosen)!r}",
            ).line()
        )
        return chosen

    def _check_masks(self, texts: Texts, encodings: Encodings) -> None:
        masks = np.add.reduceat(
            encodings.ids == self.tokenizer.mask_token_id, encodings.offsets[:-1], dtype=np.int64
        )  # [N]
        for number in np.flatnonzero(masks == 0).tolist():
            raise self._mask_missing(texts.first[number], number, int(encodings.dropped[number]))

    def _mask_missing(self, text: str, number: int, dropped: int) -> InputError:
        mask = self.tokenizer.mask_token
        other = OTHER_MASKS.search(text)
        if mask in text:
            why = (
                "truncation cut it off"
                if dropped
                else f"the tokenizer's policy {self.tokenizer.policy.name!r} reads it as plain text"
            )
        elif other:
            why = f"it says {other[0]!r}, which this tokenizer reads as plain text"
        else:
            why = f"it begins {text[:40]!r}" if text.strip() else "it is empty"
        return InputError(
            "mask-missing",
            f"text {number} has no {mask}",
            why=why,
            fix=f"Write {mask} where the word is wanted",
        )


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities along the last axis, in the memory of the logits."""
    logits -= logits.max(-1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(-1, keepdims=True)
    return logits


def best_of(scores: FloatArray, count: int, allowed: Int64Array | None) -> Int64Array:
    """[P, V] → [P, K] the pieces with the highest scores, best first; the lower id on a tie."""
    choice = np.arange(scores.shape[-1]) if allowed is None else allowed
    among = -scores[:, choice]
    count = min(count, len(choice))
    few = np.argpartition(among, count - 1, axis=-1)[:, :count]
    few.sort(axis=-1)
    order = np.argsort(np.take_along_axis(among, few, -1), axis=-1, kind="stable")
    best: Int64Array = choice[np.take_along_axis(few, order, -1)]
    return best
