"""Labelled data: columns, labels, split and checks."""
