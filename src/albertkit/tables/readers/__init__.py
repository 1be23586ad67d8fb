"""Texts and columns out of files, in batches."""
