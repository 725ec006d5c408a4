"""What holds for every route: keys, scopes, problem documents, idempotency, bounds, headers."""

import asyncio
import gzip
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from backends import Caller, ListQueue, SwitchedProbe, is_problem
from fastapi import FastAPI
from serving import MakeCaller

from hortus_server.api.app import create_app
from hortus_server.api.edge import Edge, EdgePorts


def operations(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, methods in app.openapi()["paths"].items()
        for method, operation in methods.items()
    ]


def filled(path: str) -> str:
    for name, value in {
        "session_id": "0191d6a0-0000-7000-8000-000000000000",
        "run_id": "0191d6a0-0000-7000-8000-000000000000",
        "memory_id": "0191d6a0-0000-7000-8000-000000000000",
        "key_id": "0191d6a0-0000-7000-8000-000000000000",
        "agent": "nobody",
        "tool": "nothing",
        "version": "1",
        "worker": "w@h",
    }.items():
        path = path.replace(f"{{{name}}}", value)
    return path


SIGN_IN = {f"/v1/auth/{what}" for what in ("login", "sign-in", "options", "link", "accept", "oidc/start")}
OPEN = {"/healthz", "/readyz", "/metrics", "/v1/auth/oidc/callback", *SIGN_IN}


async def test_every_route_wants_a_key(app: FastAPI, http: httpx.AsyncClient):
    for method, path, _ in operations(app):
        if path in OPEN:
            continue
        answer = await http.request(method, filled(path), json={} if method == "POST" else None)
        is_problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_every_route_wants_its_scope_and_documents_it(app: FastAPI, make_caller: MakeCaller):
    bare = await make_caller("memories:write")
    checked = 0
    for method, path, operation in operations(app):
        scope = operation.get("x-required-scope")
        if scope in (None, "memories:write"):
            continue
        answer = await bare.call(method, filled(path), json={} if method == "POST" else None)
        assert is_problem(answer, 403, "forbidden")["scope"] == scope, path
        checked += 1
    assert checked > 25


async def test_a_scope_opens_its_routes_and_no_others(make_caller: MakeCaller):
    reader = await make_caller("runs:read")
    assert (await reader.get("/v1/runs")).status_code == 200
    is_problem(await reader.post("/v1/runs", {"agent": "a", "input": "x"}), 403, "forbidden")
    is_problem(await reader.get("/v1/sessions"), 403, "forbidden")
    is_problem(await reader.get("/v1/admin/keys"), 403, "forbidden")


async def test_every_route_refuses_unknown_query_parameters(app: FastAPI, admin: Caller):
    for method, path, _ in operations(app):
        if path == "/v1/auth/oidc/callback":  # providers add what they like
            continue
        separator = "&" if "?" in path else "?"
        answer = await admin.call(method, f"{filled(path)}{separator}colour=red")
        assert answer.status_code == 422, (method, path, answer.text)


async def test_every_route_with_a_body_refuses_malformed_foreign_and_odd_json(app: FastAPI, admin: Caller):
    bodies = {
        b"{": (400, "malformed_json"),
        b"\xff\xfe": (400, "malformed_json"),
        b'{"a": NaN}': (400, "malformed_json"),
        b'{"a": "\\u0000"}': (422, "invalid_input"),
        b"[" * 100 + b"]" * 100: (422, "invalid_input"),
    }
    for method, path, operation in operations(app):
        if "requestBody" not in operation:
            continue
        for body, (status, code) in bodies.items():
            answer = await admin.call(method, filled(path), content=body, headers={"Content-Type": "application/json"})
            is_problem(answer, status, code)
        answer = await admin.call(method, filled(path), content=b"<a/>", headers={"Content-Type": "text/xml"})
        is_problem(answer, 415, "unsupported_media_type")
        is_problem(await admin.call(method, filled(path), content=b"x" * 70_000), 413, "body_too_large")


async def test_a_chunked_body_is_bounded_too(admin: Caller):
    async def chunks():
        for _ in range(10):
            yield b"x" * 10_000

    is_problem(await admin.call("POST", "/v1/agents", content=chunks()), 413, "body_too_large")


async def test_odd_ids_are_refused(admin: Caller):
    for path in ("/v1/runs/x", "/v1/sessions/x", "/v1/memories/x", "/v1/runs/%00"):
        answer = await admin.get(path)
        assert answer.status_code == 422
    is_problem(await admin.get("/v1/agents/%00"), 422, "invalid_input")
    is_problem(await admin.get("/v1/memories/search?q=%00"), 422, "invalid_input")


async def test_unknown_routes_and_methods_are_problems(admin: Caller):
    is_problem(await admin.get("/v1/nothing"), 404, "no_route")
    is_problem(await admin.post("/v1/nothing", {}), 404, "no_route")
    is_problem(await admin.get("/v1/agents/"), 404, "no_route")
    answer = await admin.call("PUT", "/v1/agents")
    is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]


async def test_wrong_keys_are_refused(http: httpx.AsyncClient, admin: Caller):
    for value in ("Bearer hk_wrong", "Bearer", "Bearer ", f"Basic {admin.key}", "Bearer " + "x" * 5000):
        is_problem(await http.get("/v1/me", headers={"Authorization": value}), 401, "unauthenticated")


async def test_a_key_is_shown_once_used_revoked_and_then_refused(http: httpx.AsyncClient, admin: Caller):
    created = await admin.post("/v1/admin/keys", {"name": "billing", "scopes": ["runs:read"]})
    assert created.status_code == 201
    assert created.headers["cache-control"] == "no-store"
    key = created.json()
    assert key["secret"].startswith(key["prefix"])
    headers = {"Authorization": f"Bearer {key['secret']}"}
    me = (await http.get("/v1/me", headers=headers)).json()
    assert (me["key_id"], me["key_name"], me["scopes"], me["via"]) == (key["id"], "billing", ["runs:read"], "key")
    listed = (await admin.get("/v1/admin/keys")).json()["items"]
    assert [one["name"] for one in listed] == ["billing", "test"]
    assert key["secret"] not in str(listed)
    revoked = await admin.delete(f"/v1/admin/keys/{key['id']}")
    assert revoked.json()["revoked_at"]
    is_problem(await http.get("/v1/me", headers=headers), 401, "unauthenticated")
    is_problem(await admin.delete("/v1/admin/keys/0191d6a0-0000-7000-8000-000000000000"), 404, "not_found")


async def test_an_expired_key_is_refused_even_from_the_cache(http: httpx.AsyncClient, admin: Caller, edge: Edge):
    soon = datetime.now(UTC) + timedelta(hours=1)
    body = {"name": "short", "scopes": ["runs:read"], "expires_at": soon.isoformat()}
    key = (await admin.post("/v1/admin/keys", body)).json()
    headers = {"Authorization": f"Bearer {key['secret']}"}
    assert (await http.get("/v1/me", headers=headers)).status_code == 200
    assert edge.authenticate.knows(key["secret"])
    edge.authenticate.now = lambda: soon
    is_problem(await http.get("/v1/me", headers=headers), 401, "unauthenticated")
    past = {"name": "past", "scopes": ["runs:read"], "expires_at": "2020-01-01T00:00:00Z"}
    is_problem(await admin.post("/v1/admin/keys", past), 422, "invalid_input")
    for scopes in ([], ["odd"]):
        is_problem(await admin.post("/v1/admin/keys", {"name": "x", "scopes": scopes}), 422, "invalid_request")


async def test_another_tenants_key_cannot_be_revoked(admin: Caller, stranger: Caller):
    mine = (await admin.get("/v1/me")).json()["key_id"]
    is_problem(await stranger.delete(f"/v1/admin/keys/{mine}"), 404, "not_found")
    assert (await admin.get("/v1/me")).status_code == 200


CREATES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("/v1/agents", {"name": "second"}, {"name": "third"}),
    ("/v1/agents/helper/versions", {"spec": {}}, {"spec": {"temperature": 1.0}}),
    ("/v1/sessions", {"agent": "helper"}, {"agent": "helper", "title": "x"}),
    ("/v1/runs", {"agent": "helper", "input": "x"}, {"agent": "helper", "input": "y"}),
]


@pytest.mark.parametrize(("path", "body", "other"), CREATES)
async def test_a_create_repeated_with_its_key_happens_once(admin: Caller, path: str, body: Any, other: Any):
    await admin.agent()
    headers = {"Idempotency-Key": "k-1"}
    first = await admin.post(path, body, headers=headers)
    again = await admin.post(path, body, headers=headers)
    assert first.status_code == again.status_code
    assert first.json() == again.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    is_problem(await admin.post(path, other, headers=headers), 409, "idempotency_mismatch")
    listed = (await admin.get(path)).json()["items"]
    assert len(listed) == {"/v1/agents": 2, "/v1/agents/helper/versions": 2}.get(path, 1)


async def test_simultaneous_repetitions_happen_once(admin: Caller, ports: EdgePorts):
    await admin.agent()
    answers = await asyncio.gather(
        *(
            admin.post("/v1/runs", {"agent": "helper", "input": "x"}, headers={"Idempotency-Key": "same"})
            for _ in range(6)
        )
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert isinstance(ports.queue, ListQueue)
    assert len(ports.queue.runs) == 1


async def test_a_failed_create_leaves_its_key_unused(admin: Caller):
    headers = {"Idempotency-Key": "later"}
    body = {"agent": "helper", "input": "x"}
    is_problem(await admin.post("/v1/runs", body, headers=headers), 404, "not_found")
    await admin.agent()
    assert (await admin.post("/v1/runs", body, headers=headers)).status_code == 202


async def test_a_repeated_key_creation_does_not_show_the_secret_again(admin: Caller):
    body = {"name": "billing", "scopes": ["runs:read"]}
    first = await admin.post("/v1/admin/keys", body, headers={"Idempotency-Key": "k"})
    again = await admin.post("/v1/admin/keys", body, headers={"Idempotency-Key": "k"})
    assert again.json() == {**first.json(), "secret": None}
    assert again.headers["idempotent-replayed"] == "true"


async def test_idempotency_keys_of_tenants_do_not_meet(admin: Caller, stranger: Caller):
    headers = {"Idempotency-Key": "k"}
    mine = await admin.post("/v1/agents", {"name": "a"}, headers=headers)
    theirs = await stranger.post("/v1/agents", {"name": "b"}, headers=headers)
    assert theirs.status_code == 201
    assert mine.json()["id"] != theirs.json()["id"]
    for wrong in ("", "x" * 201, "a b"):
        is_problem(
            await admin.post("/v1/agents", {"name": "c"}, headers={"Idempotency-Key": wrong}), 422, "invalid_request"
        )


async def test_request_ids_come_back_or_are_made(http: httpx.AsyncClient):
    given = await http.get("/healthz", headers={"X-Request-Id": "abc-1"})
    assert given.headers["x-request-id"] == "abc-1"
    made = await http.get("/healthz", headers={"X-Request-Id": "bad id\t"})
    assert len(made.headers["x-request-id"]) == 32


async def test_answers_carry_security_headers_and_no_cors(http: httpx.AsyncClient):
    answer = await http.get("/healthz", headers={"Origin": "https://elsewhere.example"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in answer.headers


async def test_an_unexpected_error_is_a_problem_without_its_text(app: FastAPI, admin: Caller, ports: EdgePorts):
    class Broken:
        def transaction(self, tenant_id):
            raise RuntimeError("secret detail")

    key = await admin.get("/v1/me")
    assert key.status_code == 200  # cached from here on
    edge = app.state.edge
    broken = object.__new__(type(edge))
    for name in edge.__slots__:
        object.__setattr__(broken, name, Broken() if name == "store" else getattr(edge, name))
    app.state.edge = broken
    document = is_problem(await admin.get("/v1/agents"), 500, "internal")
    assert len(document["error_id"]) == 32
    assert "secret detail" not in str(document)


async def test_readiness_tells_each_component_and_fails_only_without_the_database(
    http: httpx.AsyncClient, app: FastAPI, ports: EdgePorts
):
    ready = await http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["state"] == "ready"
    assert [part["component"] for part in ready.json()["components"]] == ["database", "broker"]
    probe = ports.probes[0]
    assert isinstance(probe, SwitchedProbe)
    probe.is_down = True
    degraded = await http.get("/readyz")
    assert degraded.status_code == 200
    assert degraded.json()["state"] == "degraded"
    await ports.store.close()
    down = await http.get("/readyz")
    assert down.status_code == 503
    assert down.json()["state"] == "unavailable"


async def test_without_the_database_requests_are_told_to_retry(admin: Caller, ports: EdgePorts):
    await admin.get("/v1/me")
    await ports.store.close()
    answer = await admin.get("/v1/agents")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert (await admin.get("/healthz")).status_code == 200


async def test_metrics_count_by_route_template_and_name_no_tenant(admin: Caller):
    await admin.agent()
    await admin.post("/v1/runs", {"agent": "helper", "input": "x"})
    await admin.get("/v1/agents/helper")
    text = (await admin.get("/metrics")).text
    assert 'hortus_http_requests_total{method="GET",route="/v1/agents/{agent}",status="200"} 1.0' in text
    assert "hortus_runs_submitted_total 1.0" in text
    assert "hortus_streams_open" in text
    assert str(admin.tenant_id) not in text


async def test_the_overview_counts_and_the_worker_can_be_drained(admin: Caller):
    await admin.agent()
    await admin.post("/v1/runs", {"agent": "helper", "input": "x"})
    overview = (await admin.get("/v1/admin/overview")).json()
    assert overview["runs_by_status"]["queued"] == overview["queue_depth"] == 1
    assert (overview["agents"], overview["sessions"]) == (1, 1)
    assert overview["readiness"]["state"] == "ready"
    assert (await admin.get("/v1/admin/workers")).json()["items"][0]["id"] == "worker@host"
    assert (await admin.post("/v1/admin/workers/worker@host/drain")).json()["state"] == "draining"
    assert (await admin.post("/v1/admin/workers/worker@host/resume")).json()["state"] == "running"
    is_problem(await admin.post("/v1/admin/workers/other@host/drain"), 404, "not_found")


async def test_models_are_listed(admin: Caller):
    assert (await admin.get("/v1/models")).json()["items"] == [
        {"name": "tiny", "tool_mode": "constrained", "is_default": True, "context_tokens": None}
    ]


async def test_the_ui_is_served_with_its_own_pages_and_assets(edge: Edge, tmp_path):
    static = tmp_path / "bundle"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>ui</title>")
    (static / "assets" / "app-1a2b.js").write_text("1")
    (tmp_path / "secret.txt").write_text("no")
    transport = httpx.ASGITransport(create_app(edge, static=static))
    async with httpx.AsyncClient(transport=transport, base_url="http://hortus.test") as http:
        for page in ("/", "/runs/123", "/index.html", "/" + "a" * 300):
            answer = await http.get(page)
            assert "<title>ui" in answer.text
            assert answer.headers["cache-control"] == "no-cache"
            assert "default-src 'self'" in answer.headers["content-security-policy"]
        asset = await http.get("/assets/app-1a2b.js")
        assert "immutable" in asset.headers["cache-control"]
        assert (await http.get("/assets/none.js")).status_code == 404
        assert (await http.get("/v1/none")).status_code == 404
        escaped = await http.get("/%2e%2e/secret.txt")
        assert escaped.text != "no"


async def test_the_ui_is_sent_as_small_as_the_browser_takes_it_and_once(edge: Edge, tmp_path):
    assets = tmp_path / "bundle" / "assets"
    assets.mkdir(parents=True)
    (assets.parent / "index.html").write_text("<!doctype html><title>ui</title>")
    (assets / "app-1a2b.js").write_text("let plain")
    (assets / "app-1a2b.js.gz").write_bytes(gzip.compress(b"let zipped"))
    transport = httpx.ASGITransport(create_app(edge, static=assets.parent))
    async with httpx.AsyncClient(transport=transport, base_url="http://hortus.test") as http:
        for accepted, text, encoding in (
            ("gzip, br", "let zipped", "gzip"),
            ("gzip;q=0, identity", "let plain", None),
        ):
            answer = await http.get("/assets/app-1a2b.js", headers={"Accept-Encoding": accepted})
            assert (answer.text, answer.headers.get("content-encoding")) == (text, encoding)
            assert answer.headers["content-type"].partition(";")[0].endswith("/javascript")
            assert answer.headers["vary"] == "Accept-Encoding"
        page = await http.get("/runs")
        again = await http.get("/runs", headers={"If-None-Match": page.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_without_a_bundle_a_page_says_how_to_build_it(http: httpx.AsyncClient):
    answer = await http.get("/")
    assert answer.status_code == 200
    assert "make ui" in answer.text


async def test_each_problem_type_can_be_looked_up(http: httpx.AsyncClient):
    assert (await http.get("/problems/not_found")).json()["status"] == 404
    is_problem(await http.get("/problems/odd"), 404, "not_found")
