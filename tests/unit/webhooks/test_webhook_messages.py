"""Signatures, retries and filters of webhooks."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from hortus_server.domain.errors import InvalidInputError
from hortus_server.domain.webhooks import (
    EVENT_FILTERS,
    RetryPolicy,
    checked_filters,
    new_secret,
    signature_headers,
)

BODY = '{"type":"run.succeeded","data":{"text":"grün"}}'.encode()
POLICY = RetryPolicy(delays=(timedelta(seconds=5), timedelta(seconds=30), timedelta(hours=1)))


def test_the_public_library_accepts_our_signature():
    secret = new_secret()
    headers = signature_headers("msg-1", datetime.now(UTC), BODY, keys=[secret])
    assert Verifier(secret).verify(BODY, headers)["type"] == "run.succeeded"


def test_it_refuses_another_body_id_time_or_secret():
    secret = new_secret()
    headers = signature_headers("msg-1", datetime.now(UTC), BODY, keys=[secret])
    later = signature_headers("msg-1", datetime.now(UTC) + timedelta(seconds=9), BODY, keys=[secret])
    for body, changed, key in (
        (BODY + b" ", headers, secret),
        (BODY, {**headers, "webhook-id": "msg-2"}, secret),
        (BODY, {**headers, "webhook-timestamp": later["webhook-timestamp"]}, secret),
        (BODY, headers, new_secret()),
    ):
        with pytest.raises(WebhookVerificationError):
            Verifier(key).verify(body, changed)


def test_while_secrets_overlap_both_receivers_accept():
    old, new = new_secret(), new_secret()
    headers = signature_headers("msg-1", datetime.now(UTC), BODY, keys=[new, old])
    assert Verifier(old).verify(BODY, headers) == Verifier(new).verify(BODY, headers)


def test_the_example_of_the_specification():
    at = datetime.fromtimestamp(1614265330, UTC)
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signature_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', keys=[key])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_delays_grow_within_their_spread_and_end():
    assert [POLICY.delay(made, chance=0.5) for made in (1, 2, 3, 4)] == [*POLICY.delays, None]
    assert POLICY.delay(1, chance=0.0) == timedelta(seconds=4)
    assert POLICY.delay(1, chance=1.0) == timedelta(seconds=6)


def test_an_endpoint_may_ask_for_a_longer_wait_but_not_for_ever():
    assert POLICY.delay(1, chance=0.5, wished=timedelta(minutes=2)) == timedelta(minutes=2)
    assert POLICY.delay(2, chance=0.5, wished=timedelta(seconds=1)) == timedelta(seconds=30)
    assert POLICY.delay(1, chance=0.5, wished=timedelta(days=9)) == timedelta(hours=1)


def test_filters_are_types_families_or_everything():
    assert {"run.succeeded", "run.*", "tool.*", "*"} <= EVENT_FILTERS
    assert checked_filters(["run.*", "run.*", "*"]) == ("run.*", "*")
    with pytest.raises(InvalidInputError, match=r"run\.done"):
        checked_filters(["run.*", "run.done"])
