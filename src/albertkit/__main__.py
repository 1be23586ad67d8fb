"""`python -m albertkit`: the command `albertkit`."""

from albertkit.cli.start import main

main()
