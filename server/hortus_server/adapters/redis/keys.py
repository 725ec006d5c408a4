"""Names in Redis or Valkey. What belongs to a tenant begins with it, so that a name alone never leads to another's."""

from uuid import UUID


def tenant_key(tenant_id: UUID, *parts: object) -> str:
    """The name of a key or channel of a tenant, its parts joined by colons."""
    # The braces keep what belongs to a tenant in one slot of a cluster: a script may touch several of its keys.
    return ":".join(("hortus", "tenant", f"{{{tenant_id}}}", *(str(part) for part in parts)))
