"""Redirects: followed where they lead to the file, refused where they give up https or go nowhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crawl.remote import FetchError, RemoteFile
from tests.crawl.remote.test_remote_file import QUICK
from tests.web_server import WebServer

CONTENT = b"the file's bytes"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A certificate of 127.0.0.1 with its key, which this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    form, syntax = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(form, syntax, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield path


def test_a_redirect_from_https_to_http_is_refused_and_says_what_would_allow_it(certificate: Path) -> None:
    with (
        WebServer({"/f": CONTENT}) as plain,
        WebServer({}, certificate=certificate, redirects={"/f": plain.address("/f")}) as secure,
    ):
        with pytest.raises(FetchError, match=r"redirects to http://127.*fetch\.allow_http_redirects=true"):
            RemoteFile(secure.address("/f"), QUICK).read(0, 100)
        assert len(secure.requests) == 1, "no second attempt changes it"
        assert not plain.requests


def test_a_redirect_from_https_to_http_is_followed_where_the_config_allows_it(certificate: Path) -> None:
    allowed = QUICK.model_copy(update={"allow_http_redirects": True})
    with (
        WebServer({"/f": CONTENT}) as plain,
        WebServer({}, certificate=certificate, redirects={"/f": plain.address("/f")}) as secure,
    ):
        assert RemoteFile(secure.address("/f"), allowed).read(0, 100) == CONTENT


def test_a_way_down_to_http_is_found_behind_other_redirects_too(certificate: Path) -> None:
    with WebServer({"/f": CONTENT}) as plain, WebServer({}, certificate=certificate) as secure:
        secure.redirects = {"/f": "/g", "/g": plain.address("/f")}
        with pytest.raises(FetchError, match="/g: a file over https"):
            RemoteFile(secure.address("/f"), QUICK).read(0, 100)


def test_redirects_from_http_and_within_https_are_followed(certificate: Path) -> None:
    with (
        WebServer({"/a/f": CONTENT}, certificate=certificate, redirects={"/f": "a/f"}) as secure,
        WebServer({}, redirects={"/f": secure.address("/f")}) as plain,
    ):
        assert RemoteFile(plain.address("/f"), QUICK).read(4, 8) == CONTENT[4:8]


@pytest.mark.parametrize("target", ["file:///etc/hosts", "ftp://a.example/f", "http://[broken"])
def test_a_redirect_to_no_web_address_is_an_error(target: str) -> None:
    with WebServer({}, redirects={"/f": target}) as server, pytest.raises(FetchError, match="a redirect to https"):
        RemoteFile(server.address("/f"), QUICK).read(0, 10)


def test_a_circle_of_redirects_ends_with_an_error() -> None:
    with WebServer({}, redirects={"/f": "/f"}) as server:
        with pytest.raises(FetchError, match="at most 5 redirects"):
            RemoteFile(server.address("/f"), QUICK).read(0, 10)
        assert len(server.requests) == 6
