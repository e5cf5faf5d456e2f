"""`python -m raypose` is `raypose`."""

from raypose.cli import main

main()
