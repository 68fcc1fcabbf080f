"""Small JSON documents that are replaced as a whole."""

from pathlib import Path

import orjson


def save(*, path: Path, document: object) -> None:
    """Write the document so that a kill leaves either the old or the new one."""
    draft = path.with_suffix(".new")
    draft.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    draft.replace(path)


def load(path: Path) -> object:
    """The document, or None when there is none yet.

    Raises:
        orjson.JSONDecodeError: the file is not JSON.
    """
    return orjson.loads(path.read_bytes()) if path.exists() else None
