"""Bytes ↔ arrays and records; nothing in this room knows ALBERT."""
