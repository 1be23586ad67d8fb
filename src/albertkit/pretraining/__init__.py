"""Corpora, masks, sentence order and distillation: how ALBERTs are trained from text."""
