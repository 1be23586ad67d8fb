"""Bytes to arrays and records, and back; nothing here knows what ALBERT is."""
