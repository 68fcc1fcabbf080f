"""`audiencectl token`: signing keys and bearer tokens for development, without an issuer."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from clients.audiencectl.failures import USAGE, refuse
from clients.audiencectl.scopes import ALL_SCOPES
from clients.audiencectl.secured import AUDIENCE, ISSUER
from clients.audiencectl.session import session_of
from clients.audiencectl.signing_keys import TokenRequest, make_keys, sign_token, write_token

app = typer.Typer(
    no_args_is_help=True,
    help="Make signing keys and bearer tokens, for development and for services of your own. "
    "`keys` once, then `issue` as often as you like.",
)

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@app.command()
def keys(
    out: Annotated[Path, typer.Option(help="Directory of the key and the JWKS file.")],
) -> None:
    """Make a private key that signs tokens, and a JWKS file with its public one for the services.

    Where the JWKS file exists already the new key is added, so that both are accepted for a while.
    """
    try:
        key_file, jwks_file = make_keys(out)
    except FileExistsError:
        refuse(
            f"{out} has a key already. To replace it move token-key.pem away first: the JWKS "
            "file keeps the old public key until you take it out.",
            status=USAGE,
        )
    typer.echo(f"Private key, keep it to yourself: {key_file}")
    typer.echo(f"Public keys, for …_JWT_JWKS: {jwks_file}")
    typer.echo(f"Tokens of `audiencectl token issue` need …_JWT_ISSUER={ISSUER}")
    typer.echo(f"and …_JWT_AUDIENCE={AUDIENCE}, unless you say otherwise.")


@app.command()
def issue(
    ctx: typer.Context,
    key: Annotated[Path, typer.Option(help="Private key of `audiencectl token keys`.")],
    workspace: Annotated[
        list[str] | None,
        typer.Option(help="May work in this one; repeat for more, '*' for all. [default: yours]"),
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="May do this; repeat for more. [default: everything]")
    ] = None,
    ttl: Annotated[str, typer.Option(help="How long it is valid: 30m, 8h, 7d.")] = "1h",
    subject: Annotated[str, typer.Option(help="Name of the calling service.")] = "development",
    issuer: Annotated[str, typer.Option(help="What …_JWT_ISSUER is set to.")] = ISSUER,
    audience: Annotated[str, typer.Option(help="What …_JWT_AUDIENCE is set to.")] = AUDIENCE,
    out: Annotated[
        Path | None, typer.Option(help="Write it to this file, for --token-file; else to stdout.")
    ] = None,
) -> None:
    """Sign a token; docs/security.md lists the scopes."""
    unknown = sorted(set(scope or ()) - set(ALL_SCOPES))
    if unknown:
        refuse(
            f"There is no scope {', '.join(unknown)}. Scopes: {', '.join(ALL_SCOPES)}.",
            status=USAGE,
        )
    request = TokenRequest(
        subject=subject,
        scopes=scope or ALL_SCOPES,
        workspaces=workspace or [session_of(ctx).workspace],
        issuer=issuer,
        audience=audience,
        seconds=_seconds(ttl),
    )
    try:
        token = sign_token(key, request)
    except (OSError, ValueError) as error:
        refuse(f"{error}. Make a key with `audiencectl token keys`.", status=USAGE)
    if out is None:
        typer.echo(token)
    else:
        write_token(out, token)


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if match is None or int(match[1]) == 0:
        refuse(f"--ttl {text}: write it like 30m, 8h or 7d.", status=USAGE)
    return int(match[1]) * _UNITS[match[2]]
