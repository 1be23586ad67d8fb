"""Text to ids and back."""

from albertkit.tokenization.encodings import Encoding, Encodings
from albertkit.tokenization.policy import POLICIES, TokenizerPolicy
from albertkit.tokenization.tokenizer import AlbertTokenizer

__all__ = ["POLICIES", "AlbertTokenizer", "Encoding", "Encodings", "TokenizerPolicy"]
