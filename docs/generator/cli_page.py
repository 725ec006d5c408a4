"""docs/cli.md: every command."""

from collections.abc import Iterator
from typing import Any

from tables import MADE, prose, row
from typer.main import get_command

from hortus_server.cli.commands import app as command_line


def commands() -> Iterator[tuple[str, Any]]:
    """(full name, command) of every command that does something."""
    yield from _walk("hortus", get_command(command_line))


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for part, child in inner.items():
        yield from _walk(f"{name} {part}", child)


def cli_page() -> str:
    """Usage, meaning and options of every command."""
    text = f"""# Command line
{MADE}
`./hortus` in a checkout, `hortus` where it is installed. Commands that ask a server find the one that `hortus up`
started here, or take `--url` and `--key`. Failures print one line on standard error: status 1, and 2 for wrong usage
or incomplete settings.
"""
    for name, command in commands():
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        options = [one for one in command.params if one.param_type_name == "option"]
        usage = " ".join([name, *(_metavar(one) for one in arguments), *(["[OPTIONS]"] if options else [])])
        text += f"\n## `{name}`\n\n{prose(command.help)}\n\n```text\n{usage}\n```\n"
        if described := [one for one in (*arguments, *options) if one.help]:
            text += "\n| | |\n|---|---|\n"
        for one in described:
            names = _metavar(one) if one in arguments else ", ".join([*one.opts, *one.secondary_opts])
            plain = isinstance(one.default, str | int) and not isinstance(one.default, bool) and one.default != ""
            default = f" Default: `{one.default}`." if plain and one not in arguments else ""
            variable = f" Also `{one.envvar}`." if one.envvar else ""
            text += row(f"`{names}`", f"{one.help}{default}{variable}")
    return text


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())
