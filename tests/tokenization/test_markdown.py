"""Markdown's markup is left out, as markdown-it renders it, and each character knows its place."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from albertkit.tokenization.markdown import strip_markdown

ROOT = Path(__file__).parents[2]
TEXTS = {
    "a heading": "# A title #\n\nText\n\nAnother\n=======\n\n### Third",
    "emphasis": "**bold**, *not* so __strong__; un**believ**able and snake_case_name _here_.",
    "stars that mean nothing": "2 * 3 * 4, a lone * and 5*",
    "code": "Call `f(a_b_c)` or ``a ` b``, not *`g`*.",
    "a fence": "```python\nx = a_b * c_d  # not *this*\n```\nafter",
    "lists": "- one\n- [ ] two\n  * three\n\n1. four\n2) five",
    "a quote": "> quoted\n> - item\n>\n> ## Title",
    "links": "See [the **page**](https://a.b/c_d_(e)), [ref][1], ![a picture](p.png 'title').\n\n"
    "[1]: https://x.y/z",
    "a badge": "[![badge](https://img/x.svg)](https://a.b) text",
    "a table": "| a | b |\n|---|:-:|\n| `x y` | 2 |\n|3|4|",
    "tags": "a<br>b, H<sub>2</sub>O <!-- a comment\nof lines --> and <https://a.b/c>",
    "rules": "one\n\n---\n\n* * *\n\ntwo",
    "escapes": r"\*not emphasis\* and 1\. nothing, a\_b",
    "strikes": "~~gone~~ stays",
    "plain": "No markup, 3 < 4 and 5 > 4. It's [sic] a_b.",
}


def _words_of_html(html: str) -> list[str]:
    html = re.sub(r"<img[^>]*alt=\"([^\"]*)\"[^>]*>", r"\1", html)
    html = re.sub(r"</?(?:em|strong|code|a|s|sub)\b[^>]*>", "", html)
    return unescape(re.sub(r"<[^>]*>", " ", re.sub(r"<!--.*?-->", "", html, flags=re.S))).split()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_the_words_are_those_that_markdown_it_renders(text: str) -> None:
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    words = [word for word in _words_of_html(html) if word not in ("[", "]")]
    assert strip_markdown(text).text.replace("[ ]", "").split() == words


def test_settings_at_the_beginning_are_no_text() -> None:
    assert strip_markdown("---\ntitle: x\n---\nText").text.strip() == "Text"


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_our_own_pages_keep_their_words(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    html = MarkdownIt("commonmark").enable(["table"]).render(text)
    assert re.findall(r"\w+", strip_markdown(text).text) == re.findall(
        r"\w+", " ".join(_words_of_html(html))
    )


@given(
    st.lists(st.sampled_from([*"ab *_`[]()!#>|~-\n<\\é", "**", "](u)", "```\n", "- "])).map("".join)
)
def test_each_character_is_one_of_the_original(text: str) -> None:
    plain = strip_markdown(text)
    spans = [plain.source_of(n, n + 1, len(text)) for n in range(len(plain.text))]
    if len(spans) < 2:  # the whole text comes from the whole original
        return
    for (start, end), character in zip(spans, plain.text, strict=True):
        assert end == start + 1
        assert character in (text[start], " ")
    assert spans == sorted(set(spans))


@pytest.mark.parametrize("unit", ["*", "_a", "[", "![", "`", "<!--", "~~x", "|", "> ", "<a ", "\\"])
def test_no_repeated_mark_takes_long(unit: str) -> None:
    strip_markdown(unit * 20_000)
