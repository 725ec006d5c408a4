"""docs/settings.md: every setting, and every other variable."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from tables import MADE, default_of, doc, row, type_name

from hortus_server.settings import Settings

OTHER_VARIABLES: Mapping[str, tuple[str, str]] = {
    "HORTUS_MODELS_DIR": ("`$HORTUS_HOME/models`", "folder of model weights; several homes may share one"),
    "HORTUS_EMBEDDED_MODEL": (
        "`qwen2.5-coder-1.5b`",
        "CPU model that `hortus up` and `hortus model-server` serve; `qwen2.5-coder-0.5b` needs a third of the memory",
    ),
    "HORTUS_MODEL_FILE": ("", "a GGUF file of your own for `hortus up`, used where it lies"),
    "HORTUS_MODEL_HUB": ("`https://huggingface.co`", "model hub that is asked first for weights; empty asks none"),
    "HORTUS_URL": ("the server started here", "server that the commands speak to"),
    "HORTUS_API_KEY": ("the admin key kept under HORTUS_HOME", "key that the commands use"),
    "HORTUS_PYTHON": ("the newest of 3.11 to 3.13 found", "interpreter from which `./hortus` makes its environment"),
    "HORTUS_VENV": ("`.venv` of the checkout", "where `./hortus` makes its environment"),
}
INTERNAL_VARIABLES = {"HORTUS_SUPERVISED_BY": "marks supervised processes, so that leftovers can be told apart"}


def setting_rows() -> Iterator[tuple[str, str, FieldInfo]]:
    """(variable, group, field) of every setting."""
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if inspect.isclass(group) and issubclass(group, BaseModel):
            for inner, info in group.model_fields.items():
                yield f"HORTUS_{name}_{inner}".upper(), name, info
        else:
            yield f"HORTUS_{name}".upper(), "", field


def settings_page() -> str:
    """One table per group."""
    text = f"""# Settings
{MADE}
Environment variables, and nothing else, configure the processes `hortus api`, `worker` and `beat`. `hortus up` sets
those that lead to the services that it started itself; what you set wins. A misspelt variable of a group stops the
process with a clear line; an empty one counts as absent. Lists are JSON: `["10.0.0.7:80"]`.
"""
    last = None
    for variable, group, field in setting_rows():
        if group != last:
            kind = Settings.model_fields[group].annotation if group else None
            title = f"`{group}`: {doc(kind)}" if group else "General"
            text += f"\n## {title}\n\n| variable | default | meaning |\n|---|---|---|\n"
            last = group
        default = "`$XDG_DATA_HOME/hortus`, else `~/.hortus`" if variable == "HORTUS_HOME" else default_of(field)
        secret = "; **secret**" if _is_secret(field.annotation) else ""
        text += row(f"`{variable}`", default, f"{field.description}{_choices(field)}{secret}")
    text += "\n## Of commands and of the embedded mode\n\nServers ignore these.\n\n"
    text += "| variable | default | meaning |\n|---|---|---|\n"
    for variable, (default, meaning) in OTHER_VARIABLES.items():
        text += row(f"`{variable}`", default, meaning)
    return text


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or SecretStr in get_args(annotation)


def _choices(field: FieldInfo) -> str:
    return f" ({type_name(field.annotation)})" if get_origin(field.annotation) is Literal else ""
