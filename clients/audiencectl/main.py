"""The root command: options that all commands share, and the commands by name."""

from pathlib import Path
from typing import Annotated

import typer

from clients.audiencectl import (
    accounts,
    audiences,
    budget,
    clock,
    enrichments,
    events,
    profiles,
    prospects,
    suppressions,
    token,
)
from clients.audiencectl.certificates import certificates
from clients.audiencectl.count import count
from clients.audiencectl.data_dir import DEFAULT_DATA_DIR
from clients.audiencectl.demo import demo
from clients.audiencectl.doctor import doctor
from clients.audiencectl.exporting import export_command
from clients.audiencectl.failures import EXIT_STATUSES, USAGE, refuse
from clients.audiencectl.importing import import_command
from clients.audiencectl.session import DEFAULT_WORKSPACE, Session
from clients.audiencectl.up import up
from clients.audiencectl.watch import watch
from clients.credentials import Credentials

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\n\n".join(
        ["Exit status:", *(f"{status}: {text}" for status, text in EXIT_STATUSES.items())]
    ),
)
app.command()(up)
app.command()(demo)
app.command()(watch)
app.command()(doctor)
app.command("import")(import_command)
app.command("export")(export_command)
app.command()(count)
app.add_typer(audiences.app, name="audience")
app.add_typer(prospects.app, name="prospect")
app.add_typer(suppressions.app, name="suppression")
app.add_typer(accounts.app, name="account")
app.add_typer(budget.app, name="budget")
app.add_typer(enrichments.app, name="enrichment")
app.add_typer(profiles.app, name="profile")
app.add_typer(events.app, name="event")
app.add_typer(clock.app, name="clock")
app.add_typer(token.app, name="token")
app.command()(certificates)


@app.callback()
def root(
    ctx: typer.Context,
    workspace: Annotated[
        str | None,
        typer.Option(
            envvar="AUDIENCECTL_WORKSPACE",
            help="Workspace to work in.",
            show_default=DEFAULT_WORKSPACE,
        ),
    ] = None,
    audience: Annotated[
        str, typer.Option(envvar="AUDIENCECTL_AUDIENCE", help="Audience service, host:port.")
    ] = "",
    enrichment: Annotated[
        str, typer.Option(envvar="AUDIENCECTL_ENRICHMENT", help="Enrichment service, host:port.")
    ] = "",
    data_dir: Annotated[
        Path, typer.Option(envvar="AUDIENCECTL_DATA_DIR", help="Data directory of the stack.")
    ] = DEFAULT_DATA_DIR,
    timeout: Annotated[float, typer.Option(min=0.1, help="Deadline of a call, seconds.")] = 5.0,
    ca_file: Annotated[
        Path | None,
        typer.Option(envvar="AUDIENCECTL_CA_FILE", help="Authorities of the servers; for TLS."),
    ] = None,
    cert_file: Annotated[
        Path | None, typer.Option(envvar="AUDIENCECTL_CERT_FILE", help="Own certificate, PEM.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(envvar="AUDIENCECTL_KEY_FILE", help="Its private key, PEM.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(envvar="AUDIENCECTL_TOKEN_FILE", help="File of a bearer token.")
    ] = None,
) -> None:
    """Audiences of LinkedIn profiles, and their enrichment within a safe budget of views."""
    try:
        credentials = Credentials(
            ca_file=ca_file, cert_file=cert_file, key_file=key_file, token_file=token_file
        )
    except ValueError as error:
        refuse(f"{error}.", status=USAGE)
    ctx.obj = Session(
        audience=audience,
        enrichment=enrichment,
        workspace=DEFAULT_WORKSPACE if workspace is None else workspace,
        workspace_given=workspace is not None,
        data_dir=data_dir,
        timeout=timeout,
        credentials=credentials,
    )


def main() -> None:
    """Entry point of `audiencectl`."""
    app(prog_name="audiencectl")
