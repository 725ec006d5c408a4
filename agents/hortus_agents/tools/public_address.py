"""Names and addresses that lead to the public internet, and nowhere into the server's own network."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from functools import lru_cache

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Found = tuple[int, str]  # address family, numeric address
Lookup = Callable[[str, int, int], Awaitable[list[Found]]]

# Services of a cloud's own machines that stand outside of the private ranges: Azure's and Oracle's metadata.
_METADATA = frozenset({ipaddress.ip_address("168.63.129.16"), ipaddress.ip_address("192.0.0.192")})
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class PrivateAddressError(OSError):
    """A name resolved to an address that is not on the public internet."""


async def look_up(host: str, port: int, family: int) -> list[Found]:
    """Addresses of a name by the system's resolver. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
    return [(found_family, str(address[0])) for found_family, _, _, _, address in found]


class GuardedResolver(AbstractResolver):
    """Resolves names and refuses those with any non-public address.

    The check is on the very addresses that the connection then uses, so a second, different answer of the name
    server cannot slip in between. `private_allow` holds exceptions, see `check_address`.
    """

    def __init__(self, private_allow: frozenset[str], *, lookup: Lookup = look_up) -> None:
        self._private_allow = private_allow
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """See AbstractResolver. Raises PrivateAddressError, and OSError for a name that is not known."""
        found = await self._lookup(host, port, family)
        for _, address in found:
            check_address(address, host, port, self._private_allow)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=found_family,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found_family, address in found
        ]

    async def close(self) -> None:
        """Nothing is held."""


def check_address(address: str, host: str, port: int, private_allow: frozenset[str]) -> None:
    """Raise PrivateAddressError unless `address` is public or an exception.

    Exceptions are `host:port` as the caller wrote the host, and networks (`10.1.0.0/16`) that hold the address.
    """
    parsed = reached_address(address)
    if is_public(parsed) or f"{host}:{port}" in private_allow:
        return
    if any(parsed in network for network in _networks(private_allow)):
        return
    raise PrivateAddressError(f"{host} is not on the public internet")


def is_literal(host: str) -> bool:
    """Whether a host, as it is connected to, is an address already, so that no resolver sees it."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_literal(url: URL, private_allow: frozenset[str]) -> None:
    """Raise PrivateAddressError as `check_address` does where the URL's host is an address; names pass.

    A parsed URL, because its host is what the connection uses: `①②⑦.⓪.⓪.①` is 127.0.0.1 in it, and not in its text.
    """
    host = url.raw_host or ""
    if is_literal(host):
        check_address(host, host, url.port or 0, private_allow)


def named_private(host: str, port: int, private_allow: frozenset[str]) -> bool:
    """Whether an address as it is written is an exception, see `check_address`; a name is one only by itself."""
    if f"{host}:{port}" in private_allow:
        return True
    try:
        parsed = reached_address(host)
    except ValueError:
        return False
    return any(parsed in network for network in _networks(private_allow))


def reached_address(address: str) -> IpAddress:
    """Where a connection to `address` ends up: the IPv4 address inside of IPv6 forms that carry one."""
    parsed = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed
    if parsed in _NAT64:
        return ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF)
    return parsed.ipv4_mapped or parsed.sixtofour or parsed


def is_public(address: IpAddress) -> bool:
    """Whether an address belongs to the public internet: not private, link-local, multicast, reserved or metadata."""
    site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    special = address.is_multicast or address.is_reserved or site_local or address in _METADATA
    return address.is_global and not special


@lru_cache(maxsize=8)
def _networks(private_allow: frozenset[str]) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(entry) for entry in sorted(private_allow) if "/" in entry)
