"""Sign in with a password, with failures counted before anything is looked at."""

import hashlib
from dataclasses import dataclass

from hortus_server.domain.addresses import network_of
from hortus_server.domain.audit import SYSTEM
from hortus_server.domain.errors import ConflictError, LimitExceededError, UnauthenticatedError
from hortus_server.domain.users import LiveLogin, LoginRules, User, Visitor, check_password, plain_email
from hortus_server.ports.passwords import Passwords
from hortus_server.ports.store import Store
from hortus_server.services.authenticate_login import AuthenticateLogin, token_digest
from hortus_server.services.note_refusals import NoteRefusals, Refusal
from hortus_server.services.start_login import IssuedLogin, StartLogin, new_token

WRONG = "the address or the password is wrong"


@dataclass(frozen=True, slots=True)
class CheckPassword:
    """Whether an address and a password belong together; unknown addresses cost and count the same."""

    store: Store
    passwords: Passwords
    rules: LoginRules
    refusals: NoteRefusals

    async def __call__(self, email: str, password: str, *, visitor: Visitor) -> User:
        """The user.

        Raises UnauthenticatedError, the same whatever is wrong, and LimitExceededError after too many failures of the
        account or from the address, right passwords included.
        """
        account, address = _subject("account", email), _subject("address", network_of(visitor.address))
        try:
            await self._charge(account, address)
        except LimitExceededError:
            self._note("login.blocked", visitor)
            raise
        async with self.store.system_transaction() as uow:
            found = await uow.users.find(email)
        user, stored = found or (None, None)
        if not await self.passwords.verify(stored, password) or user is None or stored is None:
            self._note("login.failed", visitor, user)
            raise UnauthenticatedError(WRONG)
        fresh = await self.passwords.hash(password) if self.passwords.is_outdated(stored) else None
        async with self.store.system_transaction() as uow:
            await uow.failures.forgive(address, all_of_them=False)
            await uow.failures.forgive(account, all_of_them=True)
            if fresh is not None:
                await uow.users.set_password(user.id, fresh)
        if user.disabled_at is not None:
            self._note("login.failed", visitor, user)
            raise UnauthenticatedError(WRONG)
        return user

    def _note(self, action: str, visitor: Visitor, user: User | None = None) -> None:
        """For the audit log, which does not say what was typed in the place of an address: it may be a password."""
        network = network_of(visitor.address)
        if user is None:
            self.refusals.note(Refusal(None, SYSTEM, action, f"address:{network}"))
            return
        facts = (("address", network), ("email", user.email))
        self.refusals.note(Refusal(None, SYSTEM, action, f"user:{user.id}", facts, user.id))

    async def _charge(self, account: bytes, address: bytes) -> None:
        window = self.rules.window
        # The address first, everywhere: transactions that count two things must not wait for each other.
        async with self.store.system_transaction() as uow:
            failures, left_s = await uow.failures.charge(address, window=window)
            _refuse_beyond(self.rules.address_failures, failures, left_s)
            failures, left_s = await uow.failures.charge(account, window=window)
            _refuse_beyond(self.rules.account_failures, failures, left_s)


@dataclass(frozen=True, slots=True)
class SignIn:
    """An address and a password become a login."""

    store: Store
    check: CheckPassword
    start: StartLogin

    async def __call__(self, email: str, password: str, *, visitor: Visitor) -> IssuedLogin:
        """Raises as `CheckPassword` does, and UnauthenticatedError where no tenant lets the user in."""
        user = await self.check(plain_email(email), password, visitor=visitor)
        async with self.store.system_transaction() as uow:
            return await self.start(uow, user, method="password", visitor=visitor)


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """A user's own password, against the old one."""

    store: Store
    check: CheckPassword
    passwords: Passwords
    authenticate: AuthenticateLogin

    async def __call__(self, live: LiveLogin, old: str, new: str, *, visitor: Visitor) -> IssuedLogin:
        """Every other login of the user ends, this one gets another token.

        Raises UnauthenticatedError, LimitExceededError, InvalidInputError for a bad new one, ConflictError for users
        without a password.
        """
        check_password(new, email=live.email, name=live.name)
        async with self.store.system_transaction() as uow:
            user = await uow.users.get(live.login.user_id)
        if user is None or not user.has_password:
            raise ConflictError("this user signs in with the identity provider and has no password here")
        await self.check(live.email, old, visitor=visitor)
        hashed, token = await self.passwords.hash(new), new_token()
        async with self.store.system_transaction() as uow:
            await uow.users.set_password(user.id, hashed)
            await uow.logins.end_all(user.id, spare=live.login.id)
            moved = await uow.logins.move(live.login.id, live.login.tenant_id, secret_sha256=token_digest(token))
            if moved is None:
                raise UnauthenticatedError("the login has ended; sign in again")
            await uow.audit.append(live.entry("user.password_changed"))
        self.authenticate.forget(user.id)
        return IssuedLogin(LiveLogin(moved, live.email, live.name, live.role, live.tenant_operates), token)


def _refuse_beyond(limit: int, failures: int, left_s: float) -> None:
    if failures > limit:
        raise LimitExceededError(
            "too many failed sign-ins; try again later", limit=limit, retry_after_s=max(left_s, 1.0)
        )


def _subject(kind: str, value: str) -> bytes:
    return hashlib.sha256(f"{kind}:{value}".encode()).digest()
