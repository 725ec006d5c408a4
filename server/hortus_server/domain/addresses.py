"""Addresses of callers: whose network one belongs to, and who stands behind proxies that are trusted."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

LONGEST_CHAIN = 20  # addresses of an X-Forwarded-For that are looked at, from its end
_IPV6_PREFIX = 64


def network_of(address: str) -> str:
    """What failures are counted for: the address, or of IPv6 the /64: one household or machine owns all of it."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _IPV6_PREFIX), strict=False))
    return address if parsed is None else str(parsed)


def client_address(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """Who called: the peer, or behind proxies in `trusted` the nearest address that none of them has.

    `forwarded` are the values of X-Forwarded-For in the order of the headers. What stands in front of the nearest
    untrusted address may have been written by anybody, and so is never looked at.
    """
    if not _is_trusted(peer, trusted):
        return peer
    chain = [part.strip() for value in forwarded for part in value.split(",")][-LONGEST_CHAIN:]
    nearest = peer
    for part in reversed(chain):
        address = _bare(part)
        if _parse(address) is None:
            return nearest  # a proxy that hides it; then the failures are the proxy's
        nearest = address
        if not _is_trusted(address, trusted):
            return address
    return nearest


def _is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    parsed = _parse(address)
    return parsed is not None and any(parsed.version == one.version and parsed in one for one in trusted)


def _bare(part: str) -> str:
    """Without brackets and port: `[::1]:80`, `10.0.0.1:80`."""
    if part.startswith("["):
        return part[1:].partition("]")[0]
    return part.partition(":")[0] if part.count(":") == 1 else part


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
