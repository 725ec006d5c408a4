"""What a request to the embedded engine can end in, other than success.

EngineError
|-- BadRequestError        400  wrong input, or a field outside the subset
|-- UnauthorisedError      401
|-- CollectionMissingError 404
|-- PointMissingError      404
|-- CollectionExistsError  409
|-- BodyTooLargeError      413
|-- UnsupportedError       501  a part of Qdrant's REST that this engine does not speak
`-- EngineStartError            (the process ends) data directory in use or unreadable
"""


class EngineError(Exception):
    """Base of this process's errors; `status` is the HTTP status that Qdrant gives in the same case."""

    status = 500


class BadRequestError(EngineError):
    """The request is malformed, or names a field that this engine does not honour."""

    status = 400


class CollectionMissingError(EngineError):
    """There is no collection of that name."""

    status = 404

    def __init__(self, name: str) -> None:
        super().__init__(f"Not found: Collection `{name}` doesn't exist!")
        self.name = name


class CollectionExistsError(EngineError):
    """A collection of that name exists already."""

    status = 409

    def __init__(self, name: str) -> None:
        super().__init__(f"Wrong input: Collection `{name}` already exists!")
        self.name = name


class UnauthorisedError(EngineError):
    """The request carries no key, or a wrong one."""

    status = 401


class PointMissingError(EngineError):
    """There is no point of that id."""

    status = 404


class BodyTooLargeError(EngineError):
    """The body exceeds 32 MiB."""

    status = 413


class UnsupportedError(EngineError):
    """The operation exists in Qdrant, but not in the subset that this engine speaks."""

    status = 501


class EngineStartError(EngineError):
    """The process cannot own its data directory."""
