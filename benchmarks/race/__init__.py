"""A race of encoders over the same texts and weights; `benchmarks/against_peers.py` starts it."""
