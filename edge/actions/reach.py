"""Which addresses of the network may be called; nothing here touches the network.

A camera's controller sits in the home network, where a request to a wrong address reaches routers,
other machines and, in a data centre, the service that hands out credentials. So addresses of the
local network must be listed, and some are never called.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.errors import SettingError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_WRAPPING = tuple(  # IPv6 addresses of which the last four bytes are an IPv4 one
    ipaddress.IPv6Network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96")  # RFC 6052, 8215, 2765
)
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "100.100.100.200/32",  # services of clouds, outside the link-local range
        "168.63.129.16/32",
        "192.0.0.192/32",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "fe80::/10",
        "fd00:ec2::254/128",  # as above
        "fd20:ce::254/128",
        "ff00::/8",
    )
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL names.

    Attributes:
        scheme: "http" or "https".
        host: A name in ASCII, or an address without brackets.
        port: Of the server.
        path: With the query, as it is asked for.
        shown: Scheme, host and port, for messages: the path of a webhook may be its secret.
    """

    scheme: str
    host: str
    port: int
    path: str
    shown: str


def parse_target(url: str) -> Target:
    """Take a URL apart.

    Raises:
        SettingError: It is no URL of a web server, or has a user or password in it.

    Example:
        >>> parse_target("https://hub.local/api/webhook/1?a=b")
        Target(scheme='https', host='hub.local', port=443, path='/api/webhook/1?a=b', \
shown='https://hub.local')
    """
    if not _VISIBLE.fullmatch(url):
        raise _bad_url("a text with white space, control characters or letters outside ASCII")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _bad_url(str(error)) from error
    if parts.scheme not in _PORTS:
        raise _bad_url(f"the scheme {parts.scheme or 'of a path'}")
    if "@" in parts.netloc:
        raise _bad_url("one with a user or a password")
    if not (_HOST.fullmatch(host) or _parse_address(host)):
        raise _bad_url("one without a host")
    if port == 0:
        raise _bad_url("port 0")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    shown = f"{parts.scheme}://{parts.netloc}"
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path, shown)


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses of the local network may be called.

    Attributes:
        hosts: Names, whatever local address they have.
        networks: Addresses.

    Example:
        >>> reach = parse_reach(["hub.local", "192.168.1.0/24"])
        >>> [reach.refusal("x", address) for address in ("192.168.1.7", "8.8.8.8")]
        ['', '']
        >>> reach.refusal("x", "10.0.0.1")
        '10.0.0.1 is an address of the local network that is not listed'
        >>> reach.refusal("hub.local", "169.254.169.254")
        '169.254.169.254 is an address that is never called'
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[_Network, ...] = ()

    def refusal(self, host: str, address: str) -> str:
        """Say why an address is not called; nothing if it may be.

        Args:
            host: The name that has led to it.
            address: It, IPv4 or IPv6.
        """
        found = ipaddress.ip_address(address.partition("%")[0])
        inner = _inner(found)
        if any(_is_in(each, network) for network in _NEVER for each in (found, inner)):
            return f"{address} is an address that is never called"
        is_listed = host.lower() in self.hosts or any(
            _is_in(inner, network) or _is_in(found, network) for network in self.networks
        )
        if is_listed or (inner.is_global and not getattr(inner, "is_site_local", False)):
            return ""
        return f"{address} is an address of the local network that is not listed"


def parse_reach(allow: Sequence[str]) -> Reach:
    """Read a list of hosts, addresses and networks.

    Args:
        allow: Such as "hub.local", "192.168.1.7" or "192.168.1.0/24".

    Raises:
        SettingError: An entry is none of these.
    """
    hosts, networks = set(), []
    for entry in allow:
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            if not _HOST.fullmatch(entry.lower()):
                raise SettingError(
                    "allow must list hosts, addresses or networks",
                    received=repr(entry),
                    fix='Write for example allow = ["hub.local", "192.168.1.0/24"]',
                ) from None
            hosts.add(entry.lower())
    return Reach(frozenset(hosts), tuple(networks))


def _parse_address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _inner(address: _Address) -> _Address:
    """Return the IPv4 address that an IPv6 one leads to, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour or address
    is_wrapped = any(address in network for network in _WRAPPING)
    is_wrapped = is_wrapped or (address in _COMPATIBLE and int(address) > 1)
    return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF) if is_wrapped else address


def _is_in(address: _Address, network: _Network) -> bool:
    return address.version == network.version and address in network


def _bad_url(received: str) -> SettingError:
    return SettingError(
        "The url of a webhook must begin with http:// or https://, and hold no password",
        received=received,
        fix="Write it as https://host/path; a secret belongs in token",
    )
