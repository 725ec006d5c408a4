"""What `hortus doctor` says of the environment's variables."""

import os
from collections.abc import Mapping

from pydantic import ValidationError

from hortus_server.adapters.embedded.doctor import Check
from hortus_server.adapters.embedded.plan import EMBEDDINGS, EXTERNAL_URLS, EmbeddedOptions
from hortus_server.cli.faults import told_settings
from hortus_server.settings import Settings

NAME = "settings"
ELSEWHERE = frozenset(
    {
        *("HORTUS_URL", "HORTUS_EMBEDDED_MODEL", "HORTUS_MODELS_DIR", "HORTUS_VENV", "HORTUS_PYTHON"),
        "HORTUS_SUPERVISED_BY",
    }
)
"""Read by commands and scripts; no group of the settings begins like them."""


async def check_settings() -> Check:
    """Whether the servers would start with these variables; those that `hortus up` gives them are left out."""
    faults = _faults(EmbeddedOptions.from_environment(os.environ))
    unknown = unknown_variables(os.environ)
    if faults:
        mend = "correct or unset them; docs/settings.md lists all"
        return Check(name=NAME, outcome="fail", detail="; ".join((*faults, *unknown)), mend=mend)
    if unknown:
        mend = "nothing reads them; docs/settings.md lists all"
        return Check(name=NAME, outcome="warn", detail="; ".join(unknown), mend=mend)
    return Check(name=NAME, outcome="ok", detail="the variables of the environment are valid")


def _faults(options: EmbeddedOptions) -> list[str]:
    given = {variable for component, variable in EXTERNAL_URLS.items() if options.starts(component)}
    path = "HORTUS_EMBEDDING_PATH"
    try:
        Settings()
    except ValidationError as error:
        # What is started here is found by itself.
        return [
            line
            for line in told_settings(error)
            if line.partition(":")[0] not in given and not (options.starts(EMBEDDINGS) and line.startswith(path))
        ]
    return []


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """A line for each of our variables that no setting and no command reads, such as a misspelt one."""
    known = tuple(f"HORTUS_{group.upper()}" for group in Settings.model_fields)
    return [
        f"{name}: there is no such setting"
        for name in sorted(environment)
        if name.startswith("HORTUS_")
        and name not in ELSEWHERE
        and not name.startswith(tuple(f"{group}_" for group in known))
        and name not in known
    ]
