import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1024 * 1024
SLICE_BYTES = 64 * CHUNK_BYTES

OnBytes = Callable[[int], None]


def _hash_slice(file: BinaryIO, digest: "hashlib._Hash", limit: int) -> int:
    done = 0
    while done < limit and (chunk := file.read(CHUNK_BYTES)):
        digest.update(chunk)
        done += len(chunk)
    return done


async def sha256_of(path: Path, *, on_bytes: OnBytes | None = None) -> str:
    """Hash a file in a thread, slice by slice so that a cancelled caller waits for no gigabyte."""
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        while read := await asyncio.to_thread(_hash_slice, file, digest, SLICE_BYTES):
            done += read
            if on_bytes is not None:
                on_bytes(done)
    return digest.hexdigest()
