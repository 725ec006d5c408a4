"""Embeddings from any server that speaks OpenAI's ``/v1/embeddings`` (vLLM, text-embeddings-inference ...)."""

import asyncio
import math
from collections.abc import Sequence
from typing import Annotated, Self

import aiohttp
from pydantic import BaseModel, Field, ValidationError

from hortus_memory.errors import EmbeddingError

_ERROR_TEXT_CHARS = 300
_Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Row(BaseModel):
    index: int
    embedding: list[_Finite]


class _Reply(BaseModel):
    data: list[_Row]


class HttpEmbedder:
    """Client of an embeddings endpoint. Use as an asynchronous context manager, or call `close`."""

    def __init__(
        self,
        base_url: str,
        model: str,
        dimension: int,
        *,
        api_key: str | None = None,
        timeout_s: float = 10.0,
        batch_size: int = 64,
    ) -> None:
        """`base_url` ends before ``/embeddings``, as in ``http://host:8000/v1``."""
        self._url = f"{base_url.rstrip('/')}/embeddings"
        self._model = model
        self._dimension = dimension
        self._headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
        self._timeout_s = timeout_s
        self._batch_size = batch_size
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def model_id(self) -> str:
        """The model's name at its server."""
        return self._model

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return self._dimension

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text.

        Raises:
            EmbeddingError: no answer in time, an error status, or an answer of another shape or dimension.
        """
        vectors: list[list[float]] = []
        for start in range(0, len(texts), self._batch_size):
            vectors += await self._request(list(texts[start : start + self._batch_size]))
        return vectors

    async def _request(self, texts: list[str]) -> list[list[float]]:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers)
        body = {"model": self._model, "input": texts, "encoding_format": "float"}
        try:
            async with asyncio.timeout(self._timeout_s), self._session.post(self._url, json=body) as response:
                content = await response.read()
                status = response.status
        except TimeoutError as error:
            raise EmbeddingError(f"{self._url} did not answer within {self._timeout_s:g} s") from error
        except aiohttp.ClientError as error:
            raise EmbeddingError(f"{self._url} is not reachable: {error}") from error
        if status != 200:  # noqa: PLR2004 - HTTP's OK
            text = content[:_ERROR_TEXT_CHARS].decode(errors="replace")
            raise EmbeddingError(f"{self._url} answered {status}: {text}")
        return self._read(content, len(texts))

    def _read(self, content: bytes, expected: int) -> list[list[float]]:
        try:
            rows = sorted(_Reply.model_validate_json(content).data, key=lambda row: row.index)
        except ValidationError as error:
            raise EmbeddingError(f"{self._url} answered in an unknown form") from error
        if [row.index for row in rows] != list(range(expected)):
            raise EmbeddingError(f"{self._url} answered {len(rows)} vectors for {expected} texts")
        return [self._unit(row.embedding) for row in rows]

    def _unit(self, vector: list[float]) -> list[float]:
        length = math.sqrt(sum(value * value for value in vector))
        if len(vector) != self._dimension or length == 0.0:
            raise EmbeddingError(
                f"{self._url} gives vectors of {len(vector)} dimensions (length {length:g}), "
                f"{self._dimension} are configured for {self._model}"
            )
        return [value / length for value in vector]
