"""Formats in which ALBERT weights live, each against the parameter table."""
