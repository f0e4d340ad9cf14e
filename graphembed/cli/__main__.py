"""``python -m graphembed.cli``."""

from graphembed.cli import main

main()
