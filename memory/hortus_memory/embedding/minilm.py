"""all-MiniLM-L6-v2 (sentence-transformers, Apache-2.0) as int8 ONNX on the CPU.

Pooling as in the model card: mean over the tokens under the attention mask, then L2; 256 tokens.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from hortus_memory.errors import EmbeddingError

MODEL_ID = "all-MiniLM-L6-v2-int8"
DIMENSION = 384
_MAX_TOKENS = 256
_PAD_TOKEN = "[PAD]"  # noqa: S105 - a vocabulary entry, no secret


class MiniLmEmbedder:
    """Runs the model in worker threads; made by `load`."""

    def __init__(self, session: Any, tokenizer: Tokenizer, *, batch_size: int) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._batch_size = batch_size
        # One batch at a time: the model is CPU-bound, more would only take cores from the rest.
        self._turn = asyncio.Semaphore(1)

    @classmethod
    async def load(cls, model: Path, tokenizer: Path, *, batch_size: int = 16, threads: int = 1) -> "MiniLmEmbedder":
        """Read model and tokenizer (about 0.3 s, 100 MiB).

        Args:
            model: path of ``model.onnx``.
            tokenizer: path of ``tokenizer.json``.
            batch_size: texts per run of the model; bounds its memory.
            threads: CPU threads of one run.

        Raises:
            EmbeddingError: a file is missing or is not what it should be.
        """
        return await asyncio.to_thread(cls._load, model, tokenizer, batch_size, threads)

    @classmethod
    def _load(cls, model: Path, tokenizer: Path, batch_size: int, threads: int) -> "MiniLmEmbedder":
        for path in (model, tokenizer):
            if not path.is_file():
                raise EmbeddingError(f"the embedding model's file {path} does not exist")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(str(model), sess_options=options, providers=["CPUExecutionProvider"])
            reader = Tokenizer.from_file(str(tokenizer))
        except Exception as error:  # both libraries raise bare exceptions on unreadable files
            raise EmbeddingError(f"cannot load the embedding model {model}: {error}") from error
        size = session.get_outputs()[0].shape[-1]
        if size != DIMENSION:
            raise EmbeddingError(f"{model} gives vectors of {size} dimensions, not {DIMENSION}")
        reader.enable_truncation(max_length=_MAX_TOKENS)
        reader.enable_padding(pad_id=reader.token_to_id(_PAD_TOKEN) or 0, pad_token=_PAD_TOKEN)
        return cls(session, reader, batch_size=batch_size)

    @property
    def model_id(self) -> str:
        """The model with its quantisation."""
        return MODEL_ID

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return DIMENSION

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector per text; text beyond 256 tokens does not count.

        Raises:
            EmbeddingError: the runtime failed.
        """
        vectors: list[list[float]] = []
        for start in range(0, len(texts), self._batch_size):
            async with self._turn:
                vectors += await asyncio.to_thread(self._run, list(texts[start : start + self._batch_size]))
        return vectors

    def _run(self, texts: list[str]) -> list[list[float]]:
        encodings = self._tokenizer.encode_batch(texts)
        ids = np.array([encoding.ids for encoding in encodings], dtype=np.int64)
        mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64)
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        wanted = {entry.name for entry in self._session.get_inputs()}
        try:
            (hidden,) = self._session.run(None, {name: feeds[name] for name in feeds if name in wanted})[:1]
        except Exception as error:  # the runtime's exceptions share no importable base
            raise EmbeddingError(f"the embedding model failed: {error}") from error
        weights = mask[:, :, None].astype(np.float32)
        pooled = (hidden * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
        unit = pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)
        rows: list[list[float]] = unit.astype(np.float32).tolist()
        return rows
