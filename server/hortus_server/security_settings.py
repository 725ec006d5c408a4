"""Groups of settings about who comes in, what is sealed and what is noted; `settings` gathers all groups."""

from pathlib import Path

from pydantic import Field, SecretStr, model_validator

from hortus_server.domain.users import Role
from hortus_server.model_settings import Group


class AuditSettings(Group):
    """The audit log's anchors: where its ends are noted outside the database."""

    anchor_file: Path | None = Field(
        default=None, description="file that a worker appends the ends of audit logs to; they are logged in any case"
    )
    anchor_s: float = Field(default=300.0, gt=0, le=86_400, description="seconds between two anchors")


class OidcSettings(Group):
    """An OpenID Connect provider that people may sign in with; `HORTUS_API_PUBLIC_URL` is needed with it."""

    issuer: str = Field(default="", description="the provider's issuer URL, exactly; empty: there is none")
    client_id: str = Field(default="", description="what the provider calls this installation")
    client_secret: SecretStr | None = Field(default=None, description="its secret, unless the client is public")
    name: str = Field(default="your organisation", max_length=60, description="what the sign-in button calls it")
    scopes: tuple[str, ...] = Field(default=("openid", "email", "profile"), description="what is asked for")
    domains: tuple[str, ...] = Field(
        default=(), description="domains of addresses that may come without an invitation; empty: none"
    )
    role: Role = Field(default="viewer", description="what they are then: owner, operator, developer or viewer")
    role_claim: str = Field(default="", description="claim of the id token that names roles or groups")
    roles: dict[str, Role] = Field(
        default_factory=dict, description='roles by the claim\'s values, at the first sign-in: {"admins": "owner"}'
    )
    tenant: str = Field(default="", description="tenant they come into; empty: the one that operates the installation")
    timeout_s: float = Field(default=5.0, gt=0, le=30, description="seconds that the provider has to answer")

    @model_validator(mode="after")
    def _is_complete(self) -> "OidcSettings":
        if self.issuer and not self.client_id:
            raise ValueError("HORTUS_OIDC_CLIENT_ID is needed with HORTUS_OIDC_ISSUER")
        loopback = self.issuer.startswith(("http://127.0.0.1", "http://localhost", "http://[::1]"))
        if self.issuer and not self.issuer.startswith("https://") and not loopback:
            raise ValueError("HORTUS_OIDC_ISSUER must be https")
        return self


class SecretsSettings(Group):
    """What seals the credentials of tools. Without a key there is no store for them."""

    key: SecretStr | None = Field(
        default=None,
        description="32 random bytes in base64 or hex; several, newest first, with commas: the others only open",
    )
    key_file: Path | None = Field(
        default=None, description="file with a key in each line, newest first; only its owner may read it"
    )
