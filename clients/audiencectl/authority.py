"""A certificate authority for development and tests, and certificates that it signs."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clients.audiencectl.signing_keys import write_private


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A key and the certificate that it signed itself."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls) -> Self:
        """A new authority, for a year."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("development authority")
        certificate = (
            _builder(name, name, key, days=365)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key=key, certificate=certificate)

    @classmethod
    def kept_in(cls, directory: Path) -> Self:
        """The authority that ``write`` left in a directory; a new one is written where none is."""
        try:
            return cls._load(directory)
        except FileNotFoundError:
            made = cls.create()
            made.write(directory)
            return made

    @classmethod
    def _load(cls, directory: Path) -> Self:
        key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{directory / 'ca.key'} is not a key of this command")
        certificate = x509.load_pem_x509_certificate((directory / "ca.pem").read_bytes())
        return cls(key=key, certificate=certificate)

    def write(self, directory: Path) -> None:
        """``ca.pem`` and ``ca.key``."""
        _write_pair(directory, "ca", self.key, [self.certificate])

    def sign_server(
        self, directory: Path, *, hosts: Sequence[str], name: str = "server", days: int = 90
    ) -> None:
        """``server.pem`` and ``server.key`` for these host names and addresses.

        A server may call others with it as well.
        """
        alternatives = [_host(host) for host in hosts]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        self._sign(directory, name, alternatives, usages=usages, days=days)

    def sign_client(
        self, directory: Path, *, names: Sequence[str], name: str = "client", days: int = 90
    ) -> None:
        """``client.pem`` and ``client.key``; names with a colon are URIs, others DNS names."""
        alternatives: list[x509.GeneralName] = [
            x509.UniformResourceIdentifier(each) if ":" in each else x509.DNSName(each)
            for each in names
        ]
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        self._sign(directory, name, alternatives, usages=usages, days=days)

    def _sign(
        self,
        directory: Path,
        name: str,
        alternatives: Sequence[x509.GeneralName],
        *,
        usages: Sequence[x509.ObjectIdentifier],
        days: int,
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_name(name), self.certificate.subject, key, days=days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        _write_pair(directory, name, key, [certificate])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(tz=UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Clocks differ.
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _write_pair(
    directory: Path,
    name: str,
    key: ec.EllipticCurvePrivateKey,
    chain: Sequence[x509.Certificate],
) -> None:
    """Replaces an older pair of this name, each file as a whole."""
    directory.mkdir(parents=True, exist_ok=True)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    draft = directory / f".{name}.key"
    draft.unlink(missing_ok=True)
    write_private(draft, pem)
    draft.rename(directory / f"{name}.key")
    draft = directory / f".{name}.pem"
    draft.write_bytes(b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain))
    draft.rename(directory / f"{name}.pem")
