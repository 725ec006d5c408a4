"""`python -m hortus_server.cli` is `hortus`."""

from hortus_server.cli.commands import main

main()
