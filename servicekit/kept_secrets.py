"""Secrets that an embedded store makes for itself."""

import os
import secrets
from pathlib import Path


def embedded_secret(path: Path) -> bytes:
    """The secret of an embedded store, made at its first start and kept in a file of mode 0600."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole or not at all, and of several processes one makes it.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().encode()
