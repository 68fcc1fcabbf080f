"""The function library of the store, put together from `scripts/*.lua`.

The version is a hash of the text and part of every function's name, so that replicas of different
versions run side by side: none ever replaces another's functions.
"""

import hashlib
from functools import cache
from importlib import resources
from typing import NamedTuple

from enrichment_service.policy.caps import RAMP

# Shared parts first, in the order in which they build on each other.
_SHARED = (
    *("_library", "_log", "_tally", "_budget", "_accounts", "_enrichments", "_ticks"),
    "_erasure",
)


class Library(NamedTuple):
    """Text to load into the store, and the suffix of its functions' names."""

    version: str
    text: str


@cache
def library() -> Library:
    """The library of this version of the service."""
    scripts = resources.files("enrichment_service") / "scripts"
    names = sorted(path.name.removesuffix(".lua") for path in scripts.iterdir() if path.is_file())
    functions = [name for name in names if not name.startswith("_")]
    bodies = [(scripts / f"{name}.lua").read_text("utf-8") for name in (*_SHARED, *functions)]
    # The caps have one home, policy/caps.py; the scripts get its table.
    ramp = ", ".join(
        f"{strategy} = {{ first = {row.first}, full = {row.full}, weeks = {row.weeks} }}"
        for strategy, row in RAMP.items()
    )
    # Each file is a block of its own but for the shared parts, whose locals the others use.
    shared = "\n".join(bodies[: len(_SHARED)])
    private = "\n".join(f"do\n{body}\nend" for body in bodies[len(_SHARED) :])
    code = f"local RAMP = {{ {ramp} }}\n{shared}\n{private}\n"
    version = hashlib.sha256(code.encode()).hexdigest()[:10]
    return Library(
        version=version,
        text=f"#!lua name=enrichment_{version}\nlocal VERSION = '{version}'\n{code}",
    )
