"""What a part needs before its contestants start: the model, its peers' files, texts, cards."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from albertkit.checkpoints import read_checkpoint
from albertkit.engine.processor import detect_processor
from albertkit.tokenization import AlbertTokenizer
from mix import draw_lengths
from race.field import Contestant
from race.jobs import Job, Size, jobs_of
from race.runner import longest
from race.texts import Words

SAMPLES = 128  # texts that int8 is fitted to
PROOF = 8  # texts whose vectors are compared


def words_of(directory: Path, file: Path | None) -> Words:
    """The words of a person's file, or invented ones."""
    tokenizer = AlbertTokenizer.from_pretrained(directory)
    return Words.of_file(file, tokenizer) if file else Words.invent(tokenizer)


def jobs_for(size: Size, directory: Path, words: Words) -> dict[str, Job]:
    """Every job of a shape, those that its model can read."""
    return jobs_of(words, AlbertTokenizer.from_pretrained(directory), size, longest(directory))


def write_peers_files(
    directory: Path, words: Words, peers: Path, field: Iterable[Contestant], folder: Path
) -> None:
    """The files that contestants open, in the directory of the model, made once.

    peers: the Python of their environment. folder: of the package `race`.
    """
    samples = directory / "samples.txt"
    if not samples.exists():
        texts = words.texts(draw_lengths(SAMPLES, seed=1), seed=1)
        samples.write_text("\n".join(texts) + "\n", encoding="utf-8")
    opening = [each for each in field if each.made_by.startswith("race.padded_peers")]
    int8 = any(each.name == "openvino-int8" for each in opening)
    files = ["ctranslate2", "model_ov.xml", *(["model_ov_int8.xml"] if int8 else [])]
    if opening and not all((directory / file).exists() for file in files):
        command = [peers, "-m", "race.export", directory.resolve(), *(["int8"] if int8 else [])]
        subprocess.run([str(word) for word in command], cwd=folder, check=True)


def write_cards(path: Path, jobs: dict[str, Job], words: Words, directory: Path) -> None:
    """What the contestants read: the calls of each job, and the texts of the proof."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lengths = [min(length, longest(directory)) for length in draw_lengths(PROOF, seed=2)]
    proof = words.texts(lengths, seed=2)
    cards = {name: {"calls": job.calls, "tokens": job.tokens} for name, job in jobs.items()}
    path.write_text(json.dumps({"jobs": cards, "proof": proof}), encoding="utf-8")


def runs_here(contestant: Contestant) -> bool:
    """Whether this processor multiplies what the contestant computes in."""
    if contestant.anywhere or contestant.precision == "float32":
        return True
    here = detect_processor()
    return bool(here.bfloat16 if contestant.precision == "bfloat16" else here.int8)


def describe_model(directory: Path) -> str:
    c = read_checkpoint(directory).weights.config
    return (
        f"hidden size {c.hidden_size}, {c.num_attention_heads} heads, "
        f"{c.num_hidden_layers} layers, {c.vocab_size:,} pieces"
    )
