"""User and password of a stream, and what a server that asks for them is answered.

Basic is RFC 7617, Digest RFC 7616 (with MD5 and SHA-256, quality "auth" or none); RTSP uses both
as HTTP does (RFC 7826, section 19.1).
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

_CHALLENGE = re.compile(r"\s*(Basic|Digest)\b(.*)", re.IGNORECASE | re.DOTALL)
_PARAMETER = re.compile(r'([A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Credentials:
    """User and password; neither shows in its text.

    Args:
        user: Decoded.
        password: Decoded.

    Example:
        >>> Credentials("me", "secret")
        Credentials(***)
        >>> Credentials("me", "secret").answer(["Basic realm=door"], method="GET", uri="/")
        'Basic bWU6c2VjcmV0'
    """

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password
        self._uses = 0

    def __repr__(self) -> str:
        """Hide what must not reach a log."""
        return "Credentials(***)"

    @classmethod
    def from_url(cls, url: str) -> "Credentials | None":
        """Take them out of a URL, decoding what is written in percent; `None` if it has none."""
        userinfo, at, _ = urlsplit(url).netloc.rpartition("@")
        if not at:
            return None
        user, _, password = userinfo.partition(":")
        return cls(unquote(user), unquote(password))

    def answer(self, challenges: Sequence[str], *, method: str, uri: str) -> str | None:
        """Return the header `Authorization` for a request; `None` for an unknown challenge.

        Digest is preferred, which does not send the password.

        Args:
            challenges: The values of all headers `WWW-Authenticate`.
            method: Such as "GET".
            uri: As it stands in the request.
        """
        found = [match for text in challenges if (match := _CHALLENGE.match(text))]
        for match in found:
            if match[1].lower() == "digest":
                answer = self._digest(_parameters(match[2]), method=method, uri=uri)
                if answer is not None:
                    return answer
        if any(match[1].lower() == "basic" for match in found):
            pair = f"{self._user}:{self._password}".encode()
            return "Basic " + base64.b64encode(pair).decode("ascii")
        return None

    def _digest(self, asked: dict[str, str], *, method: str, uri: str) -> str | None:
        algorithm = asked.get("algorithm", "MD5").upper()
        realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
        qualities = asked.get("qop", "")
        if algorithm not in _HASHES or (qualities and "auth" not in _words(qualities)):
            return None

        def digest(*parts: str) -> str:
            return _HASHES[algorithm](":".join(parts).encode(), usedforsecurity=False).hexdigest()

        secret = digest(self._user, realm, self._password)
        request = digest(method, uri)
        fields = {"username": self._user, "realm": realm, "nonce": nonce, "uri": uri}
        bare = ""
        if qualities:
            self._uses += 1
            count, own = f"{self._uses:08x}", secrets.token_hex(8)
            fields |= {"response": digest(secret, nonce, count, own, "auth", request)}
            fields |= {"cnonce": own}
            bare = f", qop=auth, nc={count}"
        else:
            fields |= {"response": digest(secret, nonce, request)}
        if "opaque" in asked:
            fields["opaque"] = asked["opaque"]
        quoted = ", ".join(f'{name}="{_quoted(value)}"' for name, value in fields.items())
        return f"Digest {quoted}, algorithm={algorithm}{bare}"


def _parameters(text: str) -> dict[str, str]:
    return {
        match[1].lower(): re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        for match in _PARAMETER.finditer(text)
    }


def _words(text: str) -> list[str]:
    return [word.strip().lower() for word in text.split(",")]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
