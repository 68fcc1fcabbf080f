"""Asking before what cannot be undone."""

import sys
from typing import Annotated

import typer

from clients.audiencectl.failures import USAGE, refuse

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def make_sure(what: str, *, yes: bool) -> None:
    """Ask on a terminal; exit 2 where nobody can be asked, and 1 when the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        refuse(f"{what} cannot be undone. Say that you mean it: --yes.", status=USAGE)
    typer.confirm(f"{what} cannot be undone. Go on?", abort=True, err=True)
