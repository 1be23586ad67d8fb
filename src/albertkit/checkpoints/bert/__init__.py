"""BERT directories of Hugging Face, read as an ALBERT with one group per layer."""
