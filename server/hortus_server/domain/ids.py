"""Identifiers: UUIDv7, so that they sort by time of creation."""

from typing import NewType
from uuid import UUID

from uuid_utils.compat import uuid7

TenantId = NewType("TenantId", UUID)
KeyId = NewType("KeyId", UUID)
AgentId = NewType("AgentId", UUID)
AgentVersionId = NewType("AgentVersionId", UUID)
SessionId = NewType("SessionId", UUID)
RunId = NewType("RunId", UUID)
ToolId = NewType("ToolId", UUID)
ToolVersionId = NewType("ToolVersionId", UUID)
MemoryId = NewType("MemoryId", UUID)
JobId = NewType("JobId", UUID)
ScheduleId = NewType("ScheduleId", UUID)
WebhookId = NewType("WebhookId", UUID)
DeliveryId = NewType("DeliveryId", UUID)
ApprovalId = NewType("ApprovalId", UUID)
SecretId = NewType("SecretId", UUID)
PolicyId = NewType("PolicyId", UUID)
UserId = NewType("UserId", UUID)
LoginId = NewType("LoginId", UUID)
InvitationId = NewType("InvitationId", UUID)


def new_id() -> UUID:
    """A fresh UUIDv7."""
    return uuid7()
