"""Keys that sign bearer tokens, and tokens: for development and tests, without an issuer."""

import json
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ALGORITHM: Final = "ES256"
KEY_FILE: Final = "token-key.pem"
JWKS_FILE: Final = "jwks.json"


@dataclass(frozen=True, kw_only=True)
class TokenRequest:
    """What a token is to say.

    Attributes:
        subject: the calling service.
        scopes: what it may do.
        workspaces: ids of the workspaces that it may work in, or `*`.
        seconds: how long it is valid.
    """

    subject: str
    scopes: Sequence[str]
    workspaces: Sequence[str]
    issuer: str
    audience: str
    seconds: int


def make_keys(directory: Path) -> tuple[Path, Path]:
    """A new private key, and the JWKS file with its public one, which other keys there stay in.

    FileExistsError when the directory has a private key already.
    """
    directory.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    key_id = secrets.token_hex(8)
    key_file, jwks_file = directory / KEY_FILE, directory / JWKS_FILE
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(key_file, f"kid: {key_id}\n".encode() + pem)
    public: dict[str, Any] = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    keys = json.loads(jwks_file.read_text())["keys"] if jwks_file.exists() else []
    keys.append({**public, "kid": key_id, "alg": ALGORITHM, "use": "sig"})
    jwks_file.write_text(json.dumps({"keys": keys}, indent=2) + "\n")
    return key_file, jwks_file


def sign_token(key_file: Path, request: TokenRequest) -> str:
    """A signed token; ValueError when the file is no key that `make_keys` made."""
    first, _, pem = key_file.read_text().partition("\n")
    label, _, key_id = first.partition(": ")
    if label != "kid":
        raise ValueError(f"{key_file} is not a key of `audiencectl token keys`")
    now = int(time.time())
    claims = {
        "iss": request.issuer,
        "aud": request.audience,
        "sub": request.subject,
        "scope": " ".join(request.scopes),
        "workspaces": list(request.workspaces),
        "iat": now,
        "exp": now + request.seconds,
    }
    return jwt.encode(claims, pem, algorithm=ALGORITHM, headers={"kid": key_id})


def write_token(path: Path, token: str) -> None:
    """Put a token into a file of its owner's, in place of an older one, as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    write_private(draft, f"{token}\n".encode())
    draft.rename(path)


def write_private(path: Path, content: bytes) -> None:
    """A new file that only its owner can read; FileExistsError when there is one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
