"""`audiencectl certificates`: TLS files for development."""

from pathlib import Path
from typing import Annotated

import typer

from clients.audiencectl.authority import Authority


def certificates(
    out: Annotated[Path, typer.Option(help="Directory of the files.")],
    host: Annotated[
        list[str] | None,
        typer.Option(help="Name or address of the services; repeat for more. [default: this one]"),
    ] = None,
    client: Annotated[
        list[str] | None,
        typer.Option(help="Also one for a client of this name (a URI or a DNS name); repeat."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=825, help="How long they are valid.")] = 90,
) -> None:
    """Make a certificate authority and sign certificates: not for production.

    The authority is made once and kept; certificates are made anew each time, and services that
    run take the new ones.
    """
    authority = Authority.kept_in(out)
    authority.sign_server(out, hosts=host or ["localhost", "127.0.0.1"], days=days)
    typer.echo(f"Authority, for clients: {out / 'ca.pem'}")
    typer.echo(f"…_TLS_CERT_FILE={out / 'server.pem'}")
    typer.echo(f"…_TLS_KEY_FILE={out / 'server.key'}")
    if client:
        authority.sign_client(out, names=client, days=days)
        typer.echo(f"For the client: {out / 'client.pem'} and {out / 'client.key'}")
