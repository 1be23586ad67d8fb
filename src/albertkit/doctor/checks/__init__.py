"""Checks of a model: each file is one subject, and yields diagnostics."""
