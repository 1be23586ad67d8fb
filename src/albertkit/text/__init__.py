"""Text to ids and back."""

from albertkit.text.encoding import Encoding, Encodings
from albertkit.text.policy import POLICIES, TextPolicy
from albertkit.text.tokenizer import AlbertTokenizer

__all__ = ["POLICIES", "AlbertTokenizer", "Encoding", "Encodings", "TextPolicy"]
