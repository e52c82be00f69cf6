"""What lies behind https is read once its certificate is trusted, and refused in plain words before."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import botocore.exceptions
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pipeline.artifacts.code import ROOT
from pipeline.artifacts.publication import file_digest
from pipeline.errors import UserError, connection
from pipeline.fetch.download import File, download
from tests.pipeline.imitated import mot17, zipped
from tests.pipeline.server import serving


class Secure(NamedTuple):
    """The address of an archive behind https, the certificate, which is signed by itself, and the archive."""

    url: str
    certificate: Path
    archive: Path


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder = tmp_path_factory.mktemp("tls")
    mot17(folder / "unpacked/MOT17")
    archive = zipped(folder / "unpacked", folder / "MOT17.zip")
    certificate = sign_itself(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, folder / "key.pem")
    with serving(context) as site:
        site.files["MOT17.zip"] = archive.read_bytes()
        yield Secure(site.url("MOT17.zip"), certificate, archive)


def sign_itself(folder: Path) -> Path:
    """Write key.pem and the certificate of 127.0.0.1."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(*plain))
    path = folder / "certificate.pem"
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


def inspected(root: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "throughline", "inspect", root]
    return subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False)


def test_a_trusted_archive_is_read_in_place(secure: Secure) -> None:
    done = inspected(f"zip://MOT17::{secure.url}", SSL_CERT_FILE=str(secure.certificate))
    assert done.returncode == 0, done.stderr
    assert "class pedestrian: 6 boxes" in done.stdout


def test_an_unknown_certificate_is_refused_in_plain_words(secure: Secure) -> None:
    done = inspected(f"zip://MOT17::{secure.url}")
    assert done.returncode == 2
    assert "its certificate is not trusted" in done.stderr
    assert "next: set SSL_CERT_FILE" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_download_trusts_the_same_certificate_and_asks_no_other_twice(
    secure: Secure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"MOT17\.zip: its certificate is not trusted"):
        download(File(secure.url), tmp_path / "MOT17.zip", first_wait=60.0)
    monkeypatch.setenv("SSL_CERT_FILE", str(secure.certificate))
    assert download(File(secure.url), tmp_path / "MOT17.zip") == file_digest(secure.archive)


def test_object_stores_wrap_it_in_errors_of_their_own() -> None:
    inner = ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")
    with (
        pytest.raises(UserError, match=r"s3://b/a: its certificate is not trusted \(.*self-signed.*\n.*AWS_CA_BUNDLE"),
        connection("s3://b/a"),
    ):
        raise botocore.exceptions.SSLError(endpoint_url="https://host/b", error=inner)
