"""Quantization of the layers' products to int8."""
