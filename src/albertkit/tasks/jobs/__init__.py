"""Jobs: rows of files into a directory of shards, resumable."""
