"""Strategies: texts on which tokenizers go wrong."""

from __future__ import annotations

from hypothesis import strategies as st

TRICKY = (
    *"abcxyzABCXYZ0123456789,.()\"-'`[]/_ \t\n▁½²①ﬁﬃßẞİıſΣσςäöüÅÅéñ…–—“”‘’£€¿Ω你好世界日本한국กำ",
    *("\u0301", "\u0308", "\u0323", "\u0345", "\u034f", "\u0488", "\u20d0", "\u0e33", "\u3099"),
    *("\u00a0", "\u00ad", "\u200b", "\u200d", "\u2028", "\u3000", "\ufeff", "\ufffd", "\u0085"),
    *("\0", "\x01", "\x0b", "\x1c", "\x1f", "\x7f", "\u180e", "\ue000", "\ufe0f", "😀", "𝐀", "﷽"),
    *("``", "''", "2001,", "1,000", " the", "albert", "[MASK]", "[CLS]", "[SEP]", "<pad>", "<unk>"),
    *("ᄒ", "ᅡ", "ᆫ", "\u09c7", "\u09be", "\u1100\u1161", "𑄱\u11127", "㌔", "ｶﾞ", "Ǆ", "ŉ", "\u1e9b"),
)

tricky_texts = st.lists(st.sampled_from(TRICKY), max_size=24).map("".join)
any_texts = st.one_of(tricky_texts, st.text(max_size=40))
