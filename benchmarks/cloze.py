"""Ask a masked LM for 40 words of everyday knowledge and grammar, and count how many it knows.

    python benchmarks/cloze.py [MODEL ...] [--list]

The sentences were written before any model was asked for them; they select and tune no model.
Each answer is one piece of the vocabulary of small-en. A sentence is a
hit at k if its answer is among the k most likely pieces at the mask.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from albertkit import FillMask

SENTENCES = (
    # facts
    ("The capital of France is [MASK].", "paris"),
    ("The capital of Italy is [MASK].", "rome"),
    ("The earth moves around the [MASK].", "sun"),
    ("At night we can see the moon and the [MASK].", "stars"),
    ("Water turns into [MASK] when it is very cold.", "ice"),
    ("There are seven days in a [MASK].", "week"),
    ("There are twelve months in a [MASK].", "year"),
    ("The day after Monday is [MASK].", "tuesday"),
    ("The month after March is [MASK].", "april"),
    ("Two and two make [MASK].", "four"),
    ("Fish live in the [MASK].", "water"),
    ("Birds fly with their [MASK].", "wings"),
    ("We see with our [MASK].", "eyes"),
    ("The heart pumps [MASK] through the body.", "blood"),
    ("The first president of the United States was George [MASK].", "washington"),
    ("The opposite of hot is [MASK].", "cold"),
    ("The colour of grass is [MASK].", "green"),
    ("A king and a [MASK] sat on two thrones.", "queen"),
    ("The doctor works in a [MASK].", "hospital"),
    ("The second world war ended in [MASK].", "1945"),
    # everyday life
    ("He opened the [MASK] with his key.", "door"),
    ("She was so hungry that she ate all the [MASK].", "food"),
    ("I read an interesting [MASK] about the history of Rome.", "book"),
    ("The children go to [MASK] every morning to learn.", "school"),
    ("He drank a cup of [MASK].", "tea"),
    ("My father and my [MASK] have been married for thirty years.", "mother"),
    ("The train stopped at the [MASK].", "station"),
    ("It was raining, and the streets were [MASK].", "wet"),
    ("He wrote a long [MASK] to his friend.", "letter"),
    ("In winter the mountains are covered with [MASK].", "snow"),
    # grammar
    ("They [MASK] going to the market tomorrow.", "are"),
    ("She is taller [MASK] her brother.", "than"),
    ("He has lived in this town [MASK] 1990.", "since"),
    ("Neither the cat [MASK] the dog was in the house.", "nor"),
    ("If I [MASK] you, I would stay at home.", "were"),
    ("The woman [MASK] lives next door is a teacher.", "who"),
    ("We have not seen him [MASK] many years.", "for"),
    ("The boy washed [MASK] hands before dinner.", "his"),
    ("The girls bought the bread and ate it [MASK].", "themselves"),
    ("The more he read, the [MASK] he knew.", "more"),
)
TOP = 5


def answer_ranks(
    fill: Callable[..., Any], sentences: Sequence[tuple[str, str]] = SENTENCES
) -> list[tuple[int, list[str]]]:
    """Rank of each answer among the TOP most likely pieces (1 is best; 0: not there), and these."""
    predictions = fill([text for text, _ in sentences], top_k=TOP)
    words = [[str(word["token_str"]).strip() for word in answers] for answers in predictions]
    return [
        (top.index(answer) + 1 if answer in top else 0, top)
        for (_, answer), top in zip(sentences, words, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=["small-en"], metavar="MODEL")
    parser.add_argument("--list", action="store_true", help="print each sentence's words")
    arguments = parser.parse_args()
    for model in arguments.models:
        results = answer_ranks(FillMask(model))
        if arguments.list:
            for (text, answer), (rank, words) in zip(SENTENCES, results, strict=True):
                print(f"{rank or '-'}  {text.replace('[MASK]', f'[{answer}]')}  {', '.join(words)}")
        ranks = [rank for rank, _ in results]
        first, top = ranks.count(1), len(ranks) - ranks.count(0)
        print(f"{model}: of {len(ranks)} answers {first} first, {top} among the first {TOP}")


if __name__ == "__main__":
    main()
