"""Settings come from the environment alone; what is not a setting is refused or left alone, never guessed."""

import pytest
from pydantic import ValidationError

from hortus_server.api.options import edge_options
from hortus_server.cli.faults import told_settings
from hortus_server.settings import COMMAND_VARIABLES, Settings

COMPLETE = {
    "HORTUS_DATABASE_URL": "postgresql://user:pa55word@127.0.0.1/hortus",
    "HORTUS_BROKER_URL": "redis://127.0.0.1:6379/0",
    "HORTUS_QDRANT_URL": "http://127.0.0.1:6333",
    "HORTUS_MODEL_URL": "http://127.0.0.1:8000/v1",
    "HORTUS_EMBEDDING_PATH": "/models/minilm-int8",
}


@pytest.fixture(autouse=True)
def _complete(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)


def test_a_variable_sets_a_field_of_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORTUS_API_PORT", "9000")
    monkeypatch.setenv("HORTUS_SANDBOX_HTTP_ALLOW_PRIVATE", '["10.0.0.7:80"]')
    settings = Settings()
    assert settings.api.port == 9000
    assert settings.sandbox.http_allow_private == ("10.0.0.7:80",)


def test_trusted_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORTUS_API_TRUSTED_PROXIES", '["10.0.0.0/8", "::1"]')
    settings = Settings()
    trusted = edge_options(settings.api, settings.limits).trusted_proxies
    assert [str(network) for network in trusted] == ["10.0.0.0/8", "::1/128"]
    monkeypatch.setenv("HORTUS_API_TRUSTED_PROXIES", '["everybody"]')
    with pytest.raises(ValidationError):
        Settings()


def test_webhooks_may_be_sent_to_private_addresses_that_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORTUS_WEBHOOKS_ALLOW_PRIVATE", '["10.1.0.0/16", "receiver:8080"]')
    monkeypatch.setenv("HORTUS_WEBHOOKS_RETRY_S", "[1, 2.5]")
    webhooks = Settings().webhooks
    assert webhooks.allow_private == ("10.1.0.0/16", "receiver:8080")
    assert webhooks.retry_s == (1, 2.5)


@pytest.mark.parametrize("entry", ["receiver", "receiver:", ":80", "10.0.0.1/8", "everything/0"])
def test_an_exception_that_is_neither_host_and_port_nor_a_network_is_refused(
    entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HORTUS_WEBHOOKS_ALLOW_PRIVATE", f'["{entry}"]')
    with pytest.raises(ValidationError, match="allow_private"):
        Settings()


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:pa55word@127.0.0.1/hortus",
        "postgres//user:pa55word@127.0.0.1/hortus",
        "postgresql://user:100%pa55word@127.0.0.1/hortus",
        "postgresql://user:pa55/word@127.0.0.1/hortus",
        "postgresql://user:pa55word@127.0.0.1:port/hortus",
    ],
)
def test_what_the_driver_could_not_read_as_an_address_is_refused_without_its_password(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HORTUS_DATABASE_URL", url)
    with pytest.raises(ValidationError) as refused:
        Settings()
    (line,) = told_settings(refused.value)
    assert line.startswith("HORTUS_DATABASE_URL: ")
    assert "pa55" not in line


@pytest.mark.parametrize(
    "url", ["postgresql://u:p%25@a:1,[::1]:2/x?sslmode=require", "postgres:///x?host=/run/postgresql", "postgresql://h"]
)
def test_addresses_that_the_driver_knows_are_taken(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORTUS_DATABASE_URL", url)
    assert Settings().database.url.get_secret_value() == url


def test_what_is_missing_or_unknown_is_named_as_the_variable_that_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HORTUS_BROKER_URL")
    monkeypatch.setenv("HORTUS_WORKER_LEASE", "5")
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert told_settings(refused.value) == [
        "HORTUS_BROKER_URL: is missing",
        "HORTUS_WORKER_LEASE: there is no such setting",
    ]
    needed = [field.annotation.model_fields for field in Settings.model_fields.values() if field.is_required()]
    assert all("url" in fields for fields in needed)
    assert {name for fields in needed for name, field in fields.items() if field.is_required()} == {"url"}


def test_an_unknown_field_of_a_group_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORTUS_API_PROT", "9000")
    with pytest.raises(ValidationError, match="prot"):
        Settings()


@pytest.mark.parametrize("name", sorted(COMMAND_VARIABLES))
def test_variables_of_commands_do_not_disturb_a_server(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "something")
    assert Settings().api.port == 8420


def test_an_empty_variable_is_an_absent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORTUS_QDRANT_API_KEY", "")
    monkeypatch.setenv("HORTUS_API_PORT", "")
    settings = Settings()
    assert settings.qdrant.api_key is None
    assert settings.api.port == 8420


def test_hashed_embeddings_are_refused_outside_the_embedded_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORTUS_EMBEDDING_KIND", "hash")
    with pytest.raises(ValidationError, match="for tests"):
        Settings()


def test_secrets_are_not_shown() -> None:
    assert "pa55word" not in repr(Settings())


ROUTES = """{"qwen": {"endpoints": [{"url": "http://a:8000/v1", "api_key": "s3cret-a"},
                                   {"url": "http://b:8000/v1", "name": "qwen-awq", "concurrency": 8}],
                     "tool_mode": "native", "price": {"prompt": "0.2"}}}"""


def test_a_model_may_have_several_endpoints_and_then_needs_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HORTUS_MODEL_URL")
    monkeypatch.setenv("HORTUS_MODEL_ROUTES", ROUTES)
    monkeypatch.setenv("HORTUS_MODEL_PRICES", '{"*": {"prompt": "1"}}')
    model = Settings().model
    assert [endpoint.url for endpoint in model.routes["qwen"].endpoints] == ["http://a:8000/v1", "http://b:8000/v1"]
    assert "s3cret-a" not in repr(model)
    assert {name: str(price.prompt) for name, price in model.price_table.items()} == {"*": "1", "qwen": "0.2"}


@pytest.mark.parametrize(
    "routes", ['{"qwen": {"endpoints": []}}', '{"qwen": {"endpoints": [{"url": "a:8000"}]}}', '{"qwen": ["http://a"]}']
)
def test_a_route_that_leads_nowhere_is_refused(routes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HORTUS_MODEL_ROUTES", routes)
    with pytest.raises(ValidationError, match=r"routes\.qwen"):
        Settings()


def test_without_url_and_routes_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HORTUS_MODEL_URL")
    monkeypatch.setenv("HORTUS_MODEL_NAME", "qwen")
    with pytest.raises(ValidationError, match="HORTUS_MODEL_URL is needed, or HORTUS_MODEL_ROUTES"):
        Settings()
