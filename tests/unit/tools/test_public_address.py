"""Which addresses are on the public internet, and which exceptions hold."""

import pytest

from hortus_agents.tools.public_address import PrivateAddressError, check_address, is_public, reached_address

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "192.0.2.1", "168.63.129.16", "192.0.0.192",
    "::", "::1", "fe80::1%eth0", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "2001:0:1::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1",
    "2002:7f00:1::",
]  # fmt: skip
PUBLIC = ["93.184.215.14", "1.1.1.1", "2606:2800:220:1::1", "::ffff:93.184.215.14", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public(address: str):
    assert not is_public(reached_address(address))
    with pytest.raises(PrivateAddressError):
        check_address(address, "name", 80, frozenset({"name:81", "203.0.113.0/24"}))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public(address: str):
    check_address(address, "name", 80, frozenset())


def test_exceptions_are_for_a_host_and_port_or_for_a_network():
    check_address("10.1.2.3", "inside", 8080, frozenset({"inside:8080"}))
    check_address("10.1.2.3", "inside", 80, frozenset({"10.1.0.0/16"}))
    check_address("::ffff:10.1.2.3", "inside", 80, frozenset({"10.1.0.0/16"}))
    check_address("fd00::1", "inside", 80, frozenset({"10.1.0.0/16", "fd00::/8"}))
    with pytest.raises(PrivateAddressError):
        check_address("10.2.2.3", "inside", 80, frozenset({"10.1.0.0/16"}))
