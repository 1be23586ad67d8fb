"""The engine in C++ (the folder native/), compiled when the package is built."""
