"""Write the texts from which small-en-vectors learns its teacher's vectors.

    python benchmarks/distillation_texts.py DATA OUTPUT [--variants N] [--others N] [--sentences N]
        [--triplets FILE]

DATA: a directory of `pairs/` (captions, nli, paraphrases, qa: Parquet), `corpus/` (text, one
paragraph a line, an empty line after each document, .zst) and `eval/` (the evaluation sets).
Everyday sentences come first: the share of them decides how well the vectors compare everyday
sentences. Of each, variants are written in which one or two words are replaced by words that
stand between the same neighbours elsewhere; the teacher says what such a sentence means.
--triplets FILE (JSON lines) gets those that belong together, for the loss `hard_negatives`: the
entailment of a premise and its contradiction, a sentence and its split, a question and its answer.

Left out: sources without a licence that lets the weights be shipped (Flickr30k, LingNLI), and
each text that stands in an evaluation set. The order is random and the same in each run.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import zstandard

from albertkit.pretraining.triplets import COLUMNS

WITHOUT_LICENCE = {"multi30k-train", "multi30k-val", "lingnli"}
EVALUATION = ("stsb", "sts12-16", "sick", "mrpc")  # pairs of sentences
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\u201d\u2019]* +(?=[\"'(\u201c]?[A-Z0-9])")
WORD = re.compile(r"[A-Za-z]+|[^A-Za-z\s]+")
FEWEST_WORDS, MOST_WORDS, MOST_CHARACTERS = 4, 20, 200
SHARES = {"books": 0.35, "textbooks": 0.25, "wikipedia": 0.4}  # of the corpus sentences


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a Parquet file whose source has a licence."""
    rows = pq.read_table(path).to_pylist()
    return [row for row in rows if row.get("source") not in WITHOUT_LICENCE]


def everyday_texts(pairs: Path) -> Iterator[str]:
    """Captions, sentences of inference pairs, and questions."""
    for row in table(pairs / "captions.parquet"):
        yield from row["captions"]
    for row in table(pairs / "nli.parquet"):
        yield from (row["premise"], row["hypothesis"])
    for row in table(pairs / "qa.parquet"):
        if row["source"] != "openstax-glossary":
            yield row["question"]


def other_texts(pairs: Path) -> Iterator[str]:
    """Edited sentences of Wikipedia, answers and definitions."""
    for row in table(pairs / "paraphrases.parquet"):
        if row["source"] == "wiki-split":
            yield from (row["text1"], row["text2"])
    for row in table(pairs / "qa.parquet"):
        yield row["passage"]
        if row["source"] == "openstax-glossary":
            yield f"{row['question']}: {row['passage']}"


def natural_triplets(pairs: Path) -> Iterator[tuple[str, str, str]]:
    """Anchor, positive and hard negative; the last is empty if there is none."""
    hypotheses: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in table(pairs / "nli.parquet"):
        hypotheses[row["premise"]][row["label"]].append(row["hypothesis"])
    for premise, by_label in hypotheses.items():
        negatives = by_label["contradiction"] or [""]
        for n, positive in enumerate(by_label["entailment"]):
            yield premise, positive, negatives[n % len(negatives)]
    for row in table(pairs / "paraphrases.parquet"):
        if row["source"] == "wiki-split":
            yield row["text1"], row["text2"], ""
    for row in table(pairs / "qa.parquet"):
        if row["source"] != "openstax-glossary":
            yield row["question"], row["passage"], ""


def corpus_sentences(path: Path, count: int, rng: random.Random) -> Iterator[str]:
    """A short sentence of each of `count` random paragraphs of a corpus file."""
    sample: list[str] = []
    with path.open("rb") as raw:
        stream = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(raw)
        for seen, line in enumerate(io.TextIOWrapper(stream, "utf-8"), 1):
            if len(sample) < count:
                sample.append(line)
            elif (place := rng.randrange(seen)) < count:
                sample[place] = line
    for paragraph in sample:
        sentences = SENTENCE_END.split(paragraph.strip())
        short = [s for s in sentences if FEWEST_WORDS <= s.count(" ") + 1 <= MOST_WORDS]
        if short:
            yield rng.choice(short)


class Substitution:
    """Words that stand between the same two words in some texts."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.between: dict[tuple[str, str], list[str]] = defaultdict(list)
        for text in texts:
            words = self.words(text)
            for before, word, after in zip(words, words[1:], words[2:], strict=False):
                self.between[before, after].append(word)

    @staticmethod
    def words(text: str) -> list[str]:
        """Lower-case words and marks, with an empty string at both ends."""
        return ["", *WORD.findall(text.lower()), ""]

    def variant(self, text: str, rng: random.Random) -> str | None:
        """The text with one or two words replaced, None if no word can be."""
        words = self.words(text)
        places = []
        for n in range(1, len(words) - 1):
            if len(words[n]) > 2 and len(set(self.between[words[n - 1], words[n + 1]])) > 1:
                places.append(n)
        if not places:
            return None
        for n in rng.sample(places, min(len(places), rng.choice((1, 1, 2)))):
            others = [w for w in self.between[words[n - 1], words[n + 1]] if w != words[n]]
            words[n] = rng.choice(others) if others else words[n]
        return re.sub(r" (?=[.,;:?!')])", "", " ".join(words[1:-1]))


def normalize(text: str) -> str:
    """Letters and digits alone, to find equal texts."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def clean(text: str) -> str:
    """The text on one line, with single spaces."""
    return " ".join(text.split())


def triplets_of(
    texts: list[str], triplets: Iterable[tuple[str, str, str]]
) -> list[tuple[str, str, str]]:
    """Those whose texts are among `texts`, written as they are there; no text twice in one."""
    by_key = {normalize(text): text for text in texts} | {"": ""}
    results = []
    for triplet in triplets:
        keys = [normalize(text) for text in triplet]
        if keys[2] not in by_key:
            keys[2] = ""
        if keys[0] and keys[1] and len(set(keys)) == 3 and all(key in by_key for key in keys):
            anchor, positive, negative = (by_key[key] for key in keys)
            results.append((anchor, positive, negative))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--variants", type=int, default=70_000, help="of everyday texts")
    parser.add_argument("--others", type=int, default=40_000, help="edits, answers, definitions")
    parser.add_argument("--sentences", type=int, default=30_000, help="of the corpus")
    parser.add_argument("--triplets", type=Path, help="the file of triplets to write")
    options = parser.parse_args()
    rng = random.Random(0)
    seen = {""}
    for name in EVALUATION:
        for row in pq.read_table(options.data / "eval" / f"{name}.parquet").to_pylist():
            seen |= {normalize(row["sentence1"]), normalize(row["sentence2"])}
    texts: list[str] = []

    def add(name: str, some: Iterable[str]) -> list[str]:
        new = []
        for text in map(clean, some):
            key = normalize(text)
            if key not in seen:
                seen.add(key)
                new.append(text)
        texts.extend(new)
        print(f"{name}: {len(new):,} texts, {sum(map(len, new)):,} characters", flush=True)
        return new

    everyday = add("everyday", everyday_texts(options.data / "pairs"))
    substitution = Substitution(everyday)
    sample = rng.choices(everyday, k=options.variants)
    variants = (substitution.variant(text, rng) for text in sample)
    add("variants", (text for text in variants if text is not None))
    others = [t for t in other_texts(options.data / "pairs") if len(t) <= MOST_CHARACTERS]
    add("edits, answers, definitions", rng.sample(others, min(options.others, len(others))))
    for name, share in SHARES.items():
        path = options.data / "corpus" / f"{name}.txt.zst"
        add(name, corpus_sentences(path, int(share * options.sentences), rng))
    rng.shuffle(texts)
    options.output.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    if options.triplets:
        rows = triplets_of(texts, natural_triplets(options.data / "pairs"))
        lines = (json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows)
        options.triplets.write_text("".join(lines), encoding="utf-8")
        print(f"triplets: {len(rows):,}, {sum(bool(row[2]) for row in rows):,} with a negative")


if __name__ == "__main__":
    main()
