"""Byte streams from local files, standard input and object stores."""
