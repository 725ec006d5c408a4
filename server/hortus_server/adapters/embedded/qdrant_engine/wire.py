"""The JSON primitives and the filter language of Qdrant's REST, as far as supported.

Every model forbids unknown fields, so what the engine would ignore is refused with the field's name.
A null counts as absent, as it does in Qdrant.
"""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

PointId = Annotated[int, Field(ge=0, lt=2**64, strict=True)] | UUID
Finite = Annotated[float, Field(allow_inf_nan=False)]
Dense = Annotated[list[Finite], Field(min_length=1, max_length=65_536)]
Integer = Annotated[StrictInt, Field(ge=-(2**63), lt=2**63)]
Scalar = StrictBool | Integer | StrictStr


class Wire(BaseModel):
    """A JSON object of the protocol: frozen, unknown fields refused, null means absent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def drop_nulls(cls, value: Any) -> Any:
        """Qdrant's optional fields may be sent as null."""
        if isinstance(value, dict):
            return {key: item for key, item in value.items() if item is not None}
        return value


class Sparse(Wire):
    """A sparse vector: distinct u32 indices with one value each."""

    indices: list[Annotated[int, Field(ge=0, lt=2**32)]]
    values: list[Finite]

    @model_validator(mode="after")
    def check_lengths(self) -> "Sparse":
        """The engine needs one value per distinct index."""
        if len(self.indices) != len(self.values):
            raise ValueError("indices and values must have the same length")
        if len(set(self.indices)) != len(self.indices):
            raise ValueError("indices must be unique")
        return self


class MatchValue(Wire):
    """Equality."""

    value: Scalar


class MatchAny(Wire):
    """One of several values."""

    any: list[StrictStr] | list[Integer]


class MatchExcept(Wire):
    """None of several values."""

    except_: list[StrictStr] | list[Integer] = Field(alias="except")


class Range(Wire):
    """Bounds of a number, or of a time given as an RFC 3339 string."""

    lt: StrictStr | Finite | None = None
    lte: StrictStr | Finite | None = None
    gt: StrictStr | Finite | None = None
    gte: StrictStr | Finite | None = None


class FieldCondition(Wire):
    """A condition on one payload field."""

    key: Annotated[str, Field(min_length=1)]
    match: MatchValue | MatchAny | MatchExcept | None = None
    range: Range | None = None

    @model_validator(mode="after")
    def check_one(self) -> "FieldCondition":
        """A condition without content would match all or nothing by accident."""
        if (self.match is None) == (self.range is None):
            raise ValueError("give exactly one of match and range")
        return self


class PayloadKey(Wire):
    """Argument of is_empty and is_null."""

    key: Annotated[str, Field(min_length=1)]


class IsEmpty(Wire):
    """The field is absent, null or an empty array."""

    is_empty: PayloadKey


class IsNull(Wire):
    """The field is null."""

    is_null: PayloadKey


class HasId(Wire):
    """The point is one of these."""

    has_id: list[PointId]


class MinShould(Wire):
    """At least `min_count` of the conditions hold."""

    conditions: "list[Condition]"
    min_count: Annotated[int, Field(ge=0)]


class Filter(Wire):
    """Boolean combination of conditions; each part may be one condition or a list."""

    must: "Condition | list[Condition] | None" = None
    should: "Condition | list[Condition] | None" = None
    must_not: "Condition | list[Condition] | None" = None
    min_should: MinShould | None = None


Condition = FieldCondition | IsEmpty | IsNull | HasId | Filter
