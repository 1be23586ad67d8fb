"""Packed execution of an ALBERT."""
