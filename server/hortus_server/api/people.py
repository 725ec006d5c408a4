"""The use cases of people and tenants, made once per process."""

from dataclasses import dataclass, field

from hortus_server.domain.users import LoginRules, OidcRules
from hortus_server.ports.identity_provider import IdentityProvider
from hortus_server.ports.passwords import Passwords
from hortus_server.ports.store import Store
from hortus_server.services.authenticate_key import AuthenticateKey
from hortus_server.services.authenticate_login import AuthenticateLogin
from hortus_server.services.change_tenant import ChangeTenant
from hortus_server.services.change_user import ChangeUser
from hortus_server.services.create_first_owner import CreateFirstOwner
from hortus_server.services.disable_user import DisableUser
from hortus_server.services.invite_user import AcceptInvitation, InviteUser
from hortus_server.services.issue_key import RotateKey
from hortus_server.services.note_refusals import NoteRefusals
from hortus_server.services.sign_in import ChangePassword, CheckPassword, SignIn
from hortus_server.services.sign_in_oidc import SignInOidc
from hortus_server.services.start_login import ChangeLogins, StartLogin
from hortus_server.services.stop_runs import StopRuns


@dataclass(frozen=True, slots=True)
class PeoplePorts:
    """What people sign in with; without `provider` with passwords and keys only."""

    passwords: Passwords
    provider: IdentityProvider | None = None
    oidc_rules: OidcRules = field(default_factory=OidcRules)


@dataclass(frozen=True, slots=True)
class People:
    """Everything that a request handler may call about people, tenants and keys' secrets."""

    sign_in: SignIn
    sign_in_oidc: SignInOidc | None
    create_first_owner: CreateFirstOwner
    change_password: ChangePassword
    change_logins: ChangeLogins
    invite_user: InviteUser
    accept_invitation: AcceptInvitation
    change_user: ChangeUser
    disable_user: DisableUser
    change_tenant: ChangeTenant
    rotate_key: RotateKey


@dataclass(frozen=True, slots=True)
class Authentication:
    """Who calls, by key and by login."""

    keys: AuthenticateKey
    logins: AuthenticateLogin


def make_people(
    store: Store,
    ports: PeoplePorts,
    *,
    rules: LoginRules,
    authentication: Authentication,
    stop_runs: StopRuns,
    refusals: NoteRefusals,
) -> People:
    """Construct the use cases over the given ports."""
    passwords, keys, logins = ports.passwords, authentication.keys, authentication.logins
    start = StartLogin(rules)
    invite = InviteUser(store, rules)
    check = CheckPassword(store, passwords, rules, refusals)
    oidc = None if ports.provider is None else SignInOidc(store, ports.provider, ports.oidc_rules, start)
    return People(
        sign_in=SignIn(store, check, start),
        sign_in_oidc=oidc,
        create_first_owner=CreateFirstOwner(store, passwords, start),
        change_password=ChangePassword(store, check, passwords, logins),
        change_logins=ChangeLogins(store, logins),
        invite_user=invite,
        accept_invitation=AcceptInvitation(store, check, passwords, start, logins),
        change_user=ChangeUser(store, logins, keys),
        disable_user=DisableUser(store, keys, logins),
        change_tenant=ChangeTenant(store, keys, logins, stop_runs, invite),
        rotate_key=RotateKey(store, keys),
    )
