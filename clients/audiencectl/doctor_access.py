"""Whether both sides are known to each other: the servers' certificates, our own, and our token."""

import asyncio
import ssl
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography import x509

from clients.audiencectl.doctor_findings import Finding, ok, problem, unknown, warning
from clients.audiencectl.failures import in_words
from clients.credentials import Credentials

_SECONDS: Final = 3.0
_SOON: Final = timedelta(days=14)
_LOOPBACK: Final = ("127.", "localhost:", "[::1]")
_EVERY_WORKSPACE: Final = "*"


async def check_connection(service: str, *, address: str, credentials: Credentials) -> Finding:
    """TLS with a certificate that holds, or plain text where nobody else listens."""
    subject = f"{service} TLS"
    if credentials.ca_file is None:
        if address.startswith(_LOOPBACK):
            return ok(subject, "none, on this machine")
        return warning(
            subject,
            f"{address} is spoken to in plain text",
            "Set up TLS at the service and give --ca-file; plain text is for one machine alone.",
        )
    host, _, port = address.rpartition(":")
    try:
        context = ssl.create_default_context(cafile=credentials.ca_file)
        if credentials.cert_file and credentials.key_file:
            context.load_cert_chain(credentials.cert_file, credentials.key_file)
        context.set_alpn_protocols(["h2"])
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(
                host.strip("[]"), int(port), ssl=context, server_hostname=host.strip("[]")
            )
            with closing(writer):
                certificate = writer.get_extra_info("peercert")
    except ssl.SSLCertVerificationError as error:
        return problem(
            subject,
            f"the certificate of {address} does not hold: {error.verify_message}",
            "Give the authority that signed it with --ca-file, or have it issued for this name.",
        )
    except (ssl.SSLError, OSError, TimeoutError) as error:
        return problem(
            subject,
            f"no TLS with {address}: {error or 'no answer'}",
            "Does the service have a certificate (…_TLS_CERT_FILE)? Without one it wants plain "
            "text: leave out --ca-file.",
        )
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), tz=UTC)
    return _until(subject, ends, what="the server's certificate", renew="Renew it at the service.")


def check_certificate(file: Path) -> Finding:
    """Our own certificate, which servers know us by."""
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    return _until(
        "own certificate",
        certificate.not_valid_after_utc,
        what=str(file),
        renew="Have a new one issued.",
    )


def check_token(file: Path, *, workspace: str) -> list[Finding]:
    """What our token says of itself; whether it is believed the service tells."""
    subject = "token"
    try:
        claims: dict[str, Any] = jwt.decode(
            file.read_text().strip(), options={"verify_signature": False}
        )
    except jwt.PyJWTError as error:
        return [unknown(subject, f"{file} is no JWT that can be read ({error})")]
    findings = []
    if isinstance(ends := claims.get("exp"), int | float):
        left = datetime.fromtimestamp(ends, tz=UTC) - datetime.now(tz=UTC)
        if left < timedelta():
            expired = f"{file} has expired {in_words(-left)} ago"
            findings.append(problem(subject, expired, "Get a new one into the same file."))
        else:
            findings.append(ok(subject, f"of {claims.get('sub')}, valid for {in_words(left)}"))
    workspaces = claims.get("workspaces", [])
    if workspace not in workspaces and _EVERY_WORKSPACE not in workspaces:
        findings.append(
            problem(
                subject,
                f"is not for the workspace {workspace}",
                f"Get one that names it. It is for: {', '.join(workspaces) or 'none'}.",
            )
        )
    return findings


def _until(subject: str, ends: datetime, *, what: str, renew: str) -> Finding:
    left = ends - datetime.now(tz=UTC)
    if left < timedelta():
        return problem(subject, f"{what} expired on {ends:%Y-%m-%d}", renew)
    if left < _SOON:
        return warning(subject, f"{what} expires in {in_words(left)}", renew)
    return ok(subject, f"{what} is valid until {ends:%Y-%m-%d}")
