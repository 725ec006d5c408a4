"""What can go wrong in memory.

HortusMemoryError
|-- IndexUnavailableError     the index does not answer in time; runs go on without recall
|-- IndexRequestError         the index refuses the request: a fault of ours or of the configuration
|-- DimensionMismatchError    the collection holds vectors of another model: reindex
|-- EmbeddingError            texts could not be embedded
`-- EpisodeFormatError        a stored episode cannot be read
"""


class HortusMemoryError(Exception):
    """Base of this package's errors; `code` is stable and may be shown to clients."""

    code = "memory_error"


class IndexUnavailableError(HortusMemoryError):
    """The vector index did not answer, or not within its time limit. Safe to go on without recall."""

    code = "memory_index_unavailable"

    def __init__(self, collection: str, reason: str) -> None:
        super().__init__(f"vector index {collection!r} is unavailable: {reason}")
        self.collection = collection
        self.reason = reason


class IndexRequestError(HortusMemoryError):
    """The vector index refused a request with a status that repeating will not change."""

    code = "memory_index_request"

    def __init__(self, collection: str, status: int, reason: str) -> None:
        super().__init__(f"vector index {collection!r} refused the request ({status}): {reason}")
        self.collection = collection
        self.status = status
        self.reason = reason


class DimensionMismatchError(HortusMemoryError):
    """The collection was made by another embedding model, so its vectors cannot be compared with new ones."""

    code = "memory_dimension_mismatch"

    def __init__(self, collection: str, *, stored: tuple[str, int], wanted: tuple[str, int]) -> None:
        super().__init__(
            f"collection {collection!r} holds vectors of {stored[0]} ({stored[1]} dimensions), "
            f"but the configured model is {wanted[0]} ({wanted[1]}): "
            "reindex into a new collection, or configure the model that made this one"
        )
        self.collection = collection
        self.stored_model, self.stored_dimension = stored
        self.wanted_model, self.wanted_dimension = wanted


class EmbeddingError(HortusMemoryError):
    """The embedding model failed, timed out, or answered with vectors of a wrong shape."""

    code = "memory_embedding"


class EpisodeFormatError(HortusMemoryError):
    """A stored payload is not an episode of a known form."""

    code = "memory_episode_format"
