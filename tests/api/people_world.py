"""People at the API: a browser with its cookie, and links followed."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from backends import Caller

ORIGIN = "http://hortus.test"
PASSWORD = "seven green gardens"
OWNER = {"email": "ann@example.org", "name": "Ann", "password": PASSWORD}


@dataclass
class Browser:
    """Keeps the login's cookie, and sends what the UI's own pages send."""

    http: httpx.AsyncClient
    cookies: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if method != "GET":
            headers |= {"X-Hortus-CSRF": "1", "Origin": ORIGIN}
        options["headers"] = {**headers, **options.get("headers", {})}
        answer = await self.http.request(method, path, **options)
        self.http.cookies.clear()
        for cookie in answer.headers.get_list("set-cookie"):
            name, _, value = cookie.split(";")[0].partition("=")
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.call("POST", path, json=body, **options)

    async def me(self) -> dict[str, Any]:
        answer = await self.get("/v1/me")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        return await self.post("/v1/auth/sign-in", {"email": email, "password": password})


async def set_up(admin: Caller) -> Browser:
    """The first owner of the admin's tenant, signed in."""
    answer = await admin.post("/v1/auth/first-owner", OWNER)
    assert answer.status_code == 201, answer.text
    browser = Browser(admin.http)
    name, _, value = answer.headers["set-cookie"].split(";")[0].partition("=")
    browser.cookies[name] = value
    admin.http.cookies.clear()
    return browser


def secret_of(link: str) -> str:
    return link.partition("#")[2]


async def join(owner: Browser | Caller, email: str, role: str, *, password: str = PASSWORD) -> Browser:
    """Somebody who was invited, and came."""
    made = await owner.post("/v1/admin/invitations", {"email": email, "role": role})
    assert made.status_code == 201, made.text
    browser = Browser(owner.http)
    name = email.partition("@")[0].title()
    body = {"secret": secret_of(made.json()["link"]), "name": name, "password": password}
    answer = await browser.post("/v1/auth/accept", body)
    assert answer.status_code == 200, answer.text
    return browser
