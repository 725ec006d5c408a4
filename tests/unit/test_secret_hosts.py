"""The hosts that a secret is bound to: what is one, and which addresses it means."""

import pytest

from hortus_agents.tools.grants import host_allowed
from hortus_server.domain.errors import InvalidInputError
from hortus_server.domain.secrets import MOST_HOSTS, check_hosts


@pytest.mark.parametrize(
    "host",
    ["https://a.org", "a.org/x", "*.a.org", "*", "a.org:0", "a.org:65536", "a.org:", "ann@a.org", "a b.org", "", "::1",
     "[::1", "a\n.org", "a%2eorg", "x" * 254],
)  # fmt: skip
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(InvalidInputError, match="is no host"):
        check_hosts(["a.org", host])


def test_hosts_are_kept_once_in_small_letters_and_have_a_bound() -> None:
    assert check_hosts([" A.org ", "a.org", "b.org:8443", "[::1]:81"]) == ("a.org", "b.org:8443", "[::1]:81")
    assert (check_hosts(["*"]), check_hosts([])) == (("*",), ())
    with pytest.raises(InvalidInputError, match="at most"):
        check_hosts([f"h{number}.org" for number in range(MOST_HOSTS + 1)])


@pytest.mark.parametrize(
    ("url", "hosts", "goes"),
    [
        ("https://api.example.org/x", ("api.example.org",), True),
        ("https://API.example.org:443/x", ("api.example.org",), True),
        ("https://api.example.org:8443/x", ("api.example.org",), False),
        ("https://api.example.org:8443/x", ("api.example.org:8443",), True),
        ("https://api.example.org.evil.example/", ("api.example.org",), False),
        ("https://evil.api.example.org/", ("api.example.org",), False),
        ("https://api.example.org./", ("api.example.org",), False),
        ("https://[::1]:8443/", ("[::1]:8443",), True),
        ("https://[::1]:8443/", ("[::1]",), False),
        ("https://anywhere.org/", ("*",), False),  # a star is the secrets' affair, no host
        ("https://anywhere.org/", (), False),
    ],
)
def test_which_addresses_a_host_means(url: str, hosts: tuple[str, ...], goes: bool) -> None:
    assert host_allowed(url, hosts) is goes
