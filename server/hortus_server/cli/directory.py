"""Commands by name, each in a module that is imported once its command is wanted.

Importing all of them takes seconds of CPU, mostly for what only `hortus up` and the like need: a way that click itself
recommends ("Lazily Loading Subcommands"). Help, completion and the generated reference want all.
"""

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup
from typer.main import get_command_from_info, get_group


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is: a module of this package, and the name of a function or of a `Typer` in it."""

    module: str
    name: str = "app"
    panel: str | None = None

    def load(self, name: str) -> Any:
        """Typer's command or group of that name."""
        found = getattr(import_module(f"{__package__}.{self.module}"), self.name)
        if isinstance(found, typer.Typer):
            group = get_group(found)
            group.name, group.rich_help_panel = name, self.panel
            return group
        holder = typer.Typer(pretty_exceptions_enable=False)
        holder.command(name, rich_help_panel=self.panel)(found)
        return get_command_from_info(
            holder.registered_commands[0],
            pretty_exceptions_short=holder.pretty_exceptions_short,
            rich_markup_mode=holder.rich_markup_mode,
        )


class Directory(MutableMapping[str, Any]):
    """Names to commands; looking one up imports it."""

    def __init__(self, places: dict[str, Place]) -> None:
        self._places = places
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = self._places[name].load(name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        self._loaded.pop(name, None)
        self._places.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._places, *self._loaded)))

    def __len__(self) -> int:
        return len(set(self._places) | set(self._loaded))


class DirectoryGroup(TyperGroup):
    """A group over a directory; subclasses name it."""

    places: ClassVar[dict[str, Place]] = {}

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Directory(dict(self.places))
