"""Signing in with an identity provider, end to end against a small real one, honest and hostile."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from backends import Caller, is_problem
from oidc_provider import CLIENT_ID, CLIENT_SECRET, TestProvider, new_key, oidc_provider
from people_world import PASSWORD, Browser, join, set_up
from pydantic import SecretStr
from serving import OPTIONS

from hortus_server.adapters.oidc import open_oidc
from hortus_server.api.edge import EdgePorts, make_edge
from hortus_server.domain.users import OidcRules
from hortus_server.security_settings import OidcSettings

ERIN = {"sub": "e-1", "email": "erin@example.org", "email_verified": True, "name": "Erin"}
RULES = OidcRules(domains=frozenset({"example.org"}), roles={"garden-admins": "operator"})


@pytest.fixture
async def provider() -> AsyncIterator[TestProvider]:
    async with oidc_provider() as served:
        served.person = dict(ERIN)
        yield served


@pytest.fixture
async def serve(
    app: Any, ports: EdgePorts, provider: TestProvider, admin: Caller
) -> AsyncIterator[Callable[..., None]]:
    """Let the application speak to the provider, by the given rules."""
    settings = OidcSettings(
        issuer=provider.issuer,
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
        name="Garden ID",
        role_claim="groups",
        timeout_s=2,
    )
    async with open_oidc(settings) as found:
        assert ports.people
        people = ports.people

        def with_rules(rules: OidcRules) -> None:
            app.state.edge = make_edge(
                OPTIONS, replace(ports, people=replace(people, provider=found, oidc_rules=rules))
            )

        with_rules(RULES)
        yield with_rules


async def out(browser: Browser, return_to: str = "/runs?status=failed") -> str:
    """Begin; the provider's address of the answer, as the browser is sent back to it."""
    start = await browser.get("/v1/auth/oidc/start", params={"return_to": return_to})
    assert start.status_code == 303, start.text
    async with httpx.AsyncClient() as outside:
        answer = await outside.get(start.headers["location"])
    back = urlsplit(answer.headers["location"])
    return f"{back.path}?{back.query}"


async def signed_in(browser: Browser) -> bool:
    answer = await browser.get(await out(browser))
    assert answer.status_code == 303
    return answer.headers["location"] == "/runs?status=failed" and "hortus_login" in browser.cookies


async def test_somebody_of_an_allowed_domain_comes_in_and_comes_back(serve, http: httpx.AsyncClient):
    assert (await http.get("/v1/auth/options")).json()["oidc"] == "Garden ID"
    browser = Browser(http)
    start = await browser.get("/v1/auth/oidc/start")
    cookie = start.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert await signed_in(browser)
    me = await browser.me()
    assert (me["kind"], me["email"], me["name"], me["role"], me["has_password"]) == (
        "user", "erin@example.org", "Erin", "viewer", False,
    )  # fmt: skip
    again = Browser(http)
    assert await signed_in(again)
    assert (await again.me())["id"] == me["id"]
    is_problem(await again.sign_in("erin@example.org", PASSWORD), 401, "unauthenticated")


async def test_the_claim_gives_the_role_at_the_first_sign_in_only(serve, provider: TestProvider, http):
    provider.person["groups"] = ["staff", "garden-admins"]
    browser = Browser(http)
    assert await signed_in(browser)
    assert (await browser.me())["role"] == "operator"
    provider.person["groups"] = []
    assert await signed_in(browser)
    assert (await browser.me())["role"] == "operator"


@pytest.mark.parametrize(
    "person",
    [
        {**ERIN, "email": "erin@elsewhere.org"},
        {**ERIN, "email": "erin@example.org.evil.org"},
        {**ERIN, "email_verified": False},
        {**ERIN, "email_verified": "true"},
        {key: value for key, value in ERIN.items() if key != "email"},
    ],
)
async def test_strangers_and_unverified_addresses_are_refused(serve, provider: TestProvider, http, person):
    provider.person = person
    assert not await signed_in(Browser(http))


async def test_letters_that_only_fold_into_an_address_are_not_it(serve, provider: TestProvider, http):
    serve(OidcRules(domains=frozenset({"kale.example"})))
    provider.person = {**ERIN, "email": "erin@\N{KELVIN SIGN}ale.example"}
    assert not await signed_in(Browser(http))
    provider.person = {**ERIN, "email": "erin@Kale.example"}
    assert await signed_in(Browser(http))


async def test_by_default_only_who_is_invited_comes_in(serve, http, admin: Caller):
    serve(OidcRules())
    assert not await signed_in(Browser(http))
    owner = await set_up(admin)
    await owner.post("/v1/admin/invitations", {"email": "erin@example.org", "role": "developer"})
    browser = Browser(http)
    assert await signed_in(browser)
    assert (await browser.me())["role"] == "developer"


async def test_a_password_from_before_the_address_was_proved_ends(serve, provider: TestProvider, http, admin: Caller):
    """Somebody joined as Erin by a link that they made themselves, and waits for Erin to get rights of her own."""
    impostor = await join(await set_up(admin), "erin@example.org", "viewer")
    erin = Browser(http)
    assert await signed_in(erin)
    assert (await erin.me())["has_password"] is False
    is_problem(await impostor.get("/v1/me"), 401, "unauthenticated")
    is_problem(await impostor.sign_in("erin@example.org"), 401, "unauthenticated")


async def test_a_known_address_is_bound_to_one_subject(serve, provider: TestProvider, http, admin: Caller):
    await set_up(admin)
    provider.person = {**ERIN, "email": "ann@example.org"}
    browser = Browser(http)
    assert await signed_in(browser)
    me = await browser.me()
    assert (me["role"], me["has_password"]) == ("owner", False)
    provider.person = {**ERIN, "email": "ann@example.org", "sub": "somebody else"}
    assert not await signed_in(Browser(http))
    provider.person = {**ERIN, "email": "married@example.org"}
    assert await signed_in(browser)
    assert (await browser.me())["id"] == me["id"]


BENT: dict[str, Callable[[dict[str, Any]], None]] = {
    "another issuer": lambda claims: claims.update(iss="https://evil.test"),
    "another audience": lambda claims: claims.update(aud="another client"),
    "several audiences, asked for by another": lambda claims: claims.update(aud=[CLIENT_ID, "b"], azp="b"),
    "another nonce": lambda claims: claims.update(nonce="x"),
    "no nonce": lambda claims: claims.pop("nonce"),
    "expired": lambda claims: claims.update(exp=claims["exp"] - 3600),
    "no end": lambda claims: claims.pop("exp"),
    "no subject": lambda claims: claims.pop("sub"),
    "from the future": lambda claims: claims.update(iat=claims["iat"] + 3600, nbf=claims["iat"] + 3600),
}


@pytest.mark.parametrize("how", BENT)
async def test_bent_tokens_sign_nobody_in(serve, provider: TestProvider, http, how: str):
    provider.bend = BENT[how]
    assert not await signed_in(Browser(http))


FORGED: dict[str, Callable[[TestProvider, dict[str, Any]], str]] = {
    "not signed": lambda _p, claims: jwt.encode(claims, None, "none"),
    "signed with a public value": lambda p, claims: jwt.encode(claims, p.issuer * 2, "HS256", headers={"kid": p.kid}),
    "signed by another key": lambda p, claims: jwt.encode(claims, new_key(), "RS256", headers={"kid": p.kid}),
    "of an unknown key": lambda _p, claims: jwt.encode(claims, new_key(), "RS256", headers={"kid": "other"}),
    "no token": lambda _p, _claims: "x",
}


@pytest.mark.parametrize("how", FORGED)
async def test_forged_tokens_sign_nobody_in(serve, provider: TestProvider, http, how: str):
    provider.sign = FORGED[how]
    assert not await signed_in(Browser(http))


async def test_an_answer_counts_once_and_only_in_the_browser_that_asked(serve, http):
    browser, other = Browser(http), Browser(http)
    back = await out(browser)
    await out(other)
    assert (await other.get(back)).headers["location"] == "/?sign_in=refused"
    assert (await Browser(http).get(back)).headers["location"] == "/?sign_in=refused"
    kept = dict(browser.cookies)
    state = parse_qs(urlsplit(back).query)["state"][0]
    forged = back.replace(state, "x" * len(state))
    assert (await Browser(http, dict(kept)).get(forged)).headers["location"] == "/?sign_in=refused"
    assert (await browser.get(back)).headers["location"] == "/runs?status=failed"
    assert "hortus_oidc" not in browser.cookies
    assert (await Browser(http, kept).get(back)).headers["location"] == "/?sign_in=refused"


async def test_one_comes_back_to_a_page_of_this_server_only(serve, http):
    for elsewhere in ("//evil.test", "https://evil.test", "/\\evil.test", "runs"):
        browser = Browser(http)
        answer = await browser.get(await out(browser, elsewhere))
        assert answer.headers["location"] == "/"


async def test_a_provider_that_is_down_is_said(serve, provider: TestProvider, http):
    provider.is_down = True
    is_problem(await http.get("/v1/auth/oidc/start"), 503, "unavailable")


async def test_without_a_provider_there_is_no_such_way(admin: Caller):
    is_problem(await admin.http.get("/v1/auth/oidc/start"), 404, "not_found")
    assert (await admin.http.get("/v1/auth/options")).json()["oidc"] is None
