"""Raw text → the string in which pieces are searched, by the rules of a TextPolicy.

In: any str. Out: a str, normalised. Plain ASCII takes a shortcut: no form changes it and it holds
no marks. Source: google-research/albert tokenization.py `preprocess_text`.
"""

from __future__ import annotations

import unicodedata

from albertkit.text.policy import TextPolicy


def normalise(text: str, policy: TextPolicy) -> str:
    """The text as the policy wants it; empty where nothing is left."""
    if policy.whitespace_collapsed:
        text = " ".join(text.split())
    if policy.quotes_rewritten:
        text = text.replace("``", '"').replace("''", '"')
    if not text.isascii():
        if policy.form != "kept":
            text = unicodedata.normalize(policy.form, text)
        if policy.marks == "class":
            text = "".join(c for c in text if not unicodedata.combining(c))
    return text.lower() if policy.case == "lower" else text
