"""Answers to servers that ask for user and password, with the examples of the RFCs."""

import re

import pytest

from edge.sources import credentials
from edge.sources.credentials import Credentials

# RFC 7616, section 3.9.1
REALM = "http-auth@example.org"
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OWN_NONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
RESPONSES = {
    "MD5": "8ca523f5e9506fed4657c9700eebdbec",
    "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
}


def digest_challenge(algorithm, *, qualities="auth, auth-int"):
    return (
        f'Digest realm="{REALM}", qop="{qualities}", algorithm={algorithm}, '
        f'nonce="{NONCE}", opaque="{OPAQUE}"'
    )


def fields(answer):
    return dict(re.findall(r'(\w+)="?([^",]*)"?', answer.removeprefix("Digest ")))


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_digest_is_that_of_the_rfc(monkeypatch, algorithm):
    monkeypatch.setattr(credentials.secrets, "token_hex", lambda _: OWN_NONCE)
    mufasa = Credentials("Mufasa", "Circle of Life")
    challenges = [digest_challenge(algorithm)]
    answer = mufasa.answer(challenges, method="GET", uri="/dir/index.html")
    assert fields(answer) == {
        "username": "Mufasa",
        "realm": REALM,
        "nonce": NONCE,
        "uri": "/dir/index.html",
        "response": RESPONSES[algorithm],
        "cnonce": OWN_NONCE,
        "opaque": OPAQUE,
        "algorithm": algorithm,
        "qop": "auth",
        "nc": "00000001",
    }
    again = mufasa.answer(challenges, method="GET", uri="/dir/index.html")
    assert fields(again)["nc"] == "00000002"
    assert fields(again)["response"] != RESPONSES[algorithm]


def test_digest_without_quality_is_that_of_rfc_2069():
    """The example of its section 2.4, with the response that erratum 749 corrects."""
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    mufasa = Credentials("Mufasa", "CircleOfLife")
    answer = mufasa.answer([challenge], method="GET", uri="/dir/index.html")
    assert fields(answer)["response"] == "1949323746fe6a43ef61f9606e7febea"
    assert "qop" not in answer


def test_basic_is_that_of_the_rfc():
    """RFC 7617, section 2, and 2.1 for what is no ASCII."""
    aladdin = Credentials("Aladdin", "open sesame")
    answer = aladdin.answer(['Basic realm="WallyWorld"'], method="GET", uri="/")
    assert answer == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    pound = Credentials("test", "123\N{POUND SIGN}")
    assert pound.answer(["basic realm=foo"], method="GET", uri="/") == "Basic dGVzdDoxMjPCow=="


# What is offered, and what is answered.
@pytest.mark.parametrize(
    ("challenges", "kind"),
    [
        (["Basic realm=x", digest_challenge("MD5")], "Digest"),  # the password is not sent
        ([digest_challenge("SHA-512-256"), digest_challenge("SHA-256")], "Digest"),
        ([digest_challenge("SHA-512-256"), "Basic realm=x"], "Basic"),
        ([digest_challenge("MD5", qualities="auth-int"), "Basic realm=x"], "Basic"),
        ([digest_challenge("MD5", qualities="auth-int")], None),
        (["Negotiate"], None),
        ([], None),
    ],
)
def test_the_best_challenge_that_is_known_is_answered(challenges, kind):
    answer = Credentials("me", "sesame").answer(challenges, method="GET", uri="/")
    assert (answer.split()[0] if answer else None) == kind
    assert "sesame" not in (answer or "")


def test_quotes_in_names_are_escaped():
    answer = Credentials('m"e\\', "x").answer(
        [r'Digest realm="a \"door\"", nonce="1"'], method="GET", uri="/"
    )
    assert r'username="m\"e\\"' in answer
    assert r'realm="a \"door\""' in answer


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("rtsp://me:sesame@door/1", "me", "sesame"),
        ("rtsp://me:s%40e%3As%2F@door/1", "me", "s@e:s/"),
        ("http://me@door/", "me", ""),
        ("http://:sesame@door/", "", "sesame"),
        ("http://me:a:b@door/", "me", "a:b"),
        ("http://me:a@b@door/", "me", "a@b"),  # the last @ counts
    ],
)
def test_credentials_of_a_url_are_decoded(url, user, password):
    found = Credentials.from_url(url)
    expected = Credentials(user, password)
    asked = {"challenges": ["Basic"], "method": "GET", "uri": "/"}
    assert found.answer(**asked) == expected.answer(**asked)
    assert repr(found) == str(found) == "Credentials(***)"


def test_a_url_without_credentials_has_none():
    assert Credentials.from_url("http://door/a@b") is None
