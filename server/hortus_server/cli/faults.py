"""How settings that are missing or wrong are told."""

from collections.abc import Iterator

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hortus_server.cli.render import err
from hortus_server.settings import Settings


def report_settings(error: ValidationError) -> None:
    """One line per setting, named as the environment variable that sets it; values are not repeated."""
    err.print("[red]hortus:[/] the settings are not complete or not valid; docs/settings.md lists them:")
    for line in told_settings(error):
        err.print(f"  {line}", markup=False, soft_wrap=True)


def told_settings(error: ValidationError) -> list[str]:
    """The same lines, for whoever shows them elsewhere."""
    faults = error.errors(include_url=False, include_input=False)
    return [line for fault in faults for line in _told(fault)]


def _told(fault: ErrorDetails) -> Iterator[str]:
    place = "_".join(str(part) for part in fault["loc"]).upper()
    if fault["type"] == "missing":
        for name in _needed(place):
            yield f"{name}: is missing"
    elif fault["type"] == "extra_forbidden":
        yield f"HORTUS_{place}: there is no such setting"
    else:
        name = f"HORTUS_{place}: " if place else ""
        yield f"{name}{fault['msg'].removeprefix('Value error, ')}"


def _needed(place: str) -> list[str]:
    """The variables without which a setting is missing; a group is missing when none of its own was given."""
    field = Settings.model_fields.get(place.lower())
    group = field.annotation if field is not None else None
    if isinstance(group, type) and issubclass(group, BaseModel):
        return [f"HORTUS_{place}_{name.upper()}" for name, part in group.model_fields.items() if part.is_required()]
    return [f"HORTUS_{place}"]
