"""An authority of a test's own, and what it vouches for."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HERE = x509.IPAddress(ip_address("127.0.0.1"))
ELSEWHERE = x509.DNSName("elsewhere.example")
PEM = serialization.Encoding.PEM


class Authority:
    """Signs certificates into ``folder``; ``file`` is its own."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.crt"
        signed = _begun(self._name, self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file.write_bytes(signed.sign(self._key, hashes.SHA256()).public_bytes(PEM))

    def issue(self, name: str, of: x509.GeneralName = HERE) -> tuple[Path, Path]:
        """A certificate of whoever is ``of``, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        signed = _begun(_name(name), self._name, key.public_key()).add_extension(
            x509.SubjectAlternativeName([of]), critical=False
        )
        crt, own = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        crt.write_bytes(signed.sign(self._key, hashes.SHA256()).public_bytes(PEM))
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        own.touch(mode=0o600)
        own.write_bytes(key.private_bytes(PEM, *form))
        return crt, own

    def server(self, name: str, of: x509.GeneralName = HERE) -> ssl.SSLContext:
        """What a server speaks TLS with that believes clients of this authority alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(name, of))
        context.load_verify_locations(self.file)
        context.verify_mode = ssl.CERT_REQUIRED
        return context


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
    )
