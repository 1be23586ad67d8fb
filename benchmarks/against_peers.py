"""How fast albertkit is compared with other libraries, with the same weights and texts.

    python benchmarks/against_peers.py [--shapes base small] [--threads 1 2] [--jobs list one-8]

Contestants, all loaded at once, are asked in turn (A B C, A B C); each answer includes
tokenization and pooling, and their vectors are compared in the same run. `make bench` makes the
peers' environment and runs this; `make figures` draws the tables.
"""

from race.command import main

if __name__ == "__main__":
    main()
