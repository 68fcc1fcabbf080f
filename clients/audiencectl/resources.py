"""The commands that most resources share: verbs that need only a name, and lists."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final, Generic, Protocol, TypeVar

import typer
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from rich.console import RenderableType

from clients.audiencectl.failures import USAGE, refuse
from clients.audiencectl.kinds import Kind
from clients.audiencectl.output import show
from clients.audiencectl.session import AsJson, session_of

ClientT = TypeVar("ClientT")
AskedT_co = TypeVar("AskedT_co", covariant=True)
ResourceT = TypeVar("ResourceT")
ResponseT = TypeVar("ResponseT", bound=Message)
ResultT = TypeVar("ResultT")

_LARGEST_PAGE: Final = 1000

Limit = Annotated[int, typer.Option(min=1, help="At most this many.")]
PageToken = Annotated[str, typer.Option(help="Go on where an earlier list ended.")]


Etag = Annotated[str, typer.Option(help="Only if nobody has changed it since it was read.")]


class Ask(Protocol[AskedT_co]):
    """``ask_enrichment`` or ``ask_audience``."""

    def __call__(
        self, ctx: typer.Context, work: Callable[[AskedT_co], Awaitable[ResultT]], /
    ) -> ResultT: ...


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a list call is asked for."""

    parent: str
    size: int
    token: str


class Verbs(Generic[ClientT, ResourceT]):
    """The commands of a resource that need nothing but its name, and show how it is then."""

    def __init__(
        self,
        app: typer.Typer,
        kind: Kind,
        *,
        ask: Ask[ClientT],
        table: Callable[[ResourceT], RenderableType],
    ) -> None:
        self._app = app
        self._kind = kind
        self._ask = ask
        self._table = table

    def add(self, verb: str, text: str, call: Callable[[ClientT, str], Awaitable[Message]]) -> None:
        """Add a command; ``call`` is given the full name, and answers with the resource."""
        kind, ask, table = self._kind, self._ask, self._table

        @self._app.command(verb, help=text)
        def command(
            ctx: typer.Context,
            resource: Annotated[str, kind.argument()],
            as_json: AsJson = False,
        ) -> None:
            name = kind.name(session_of(ctx), resource)
            answer = ask(ctx, lambda client: call(client, name))
            show(answer, as_json=as_json, table=lambda: table(getattr(answer, kind.word)))


def list_all(
    app: typer.Typer,
    text: str,
    *,
    ask: Ask[ClientT],
    call: Callable[[ClientT, Page], Awaitable[ResponseT]],
    table: Callable[[ResponseT], RenderableType],
) -> None:
    """Add the command `list` for a collection of the workspace."""

    @app.command("list", help=text)
    def command(
        ctx: typer.Context, limit: Limit = 100, page_token: PageToken = "", as_json: AsJson = False
    ) -> None:
        show_pages(ctx, ask, call, table=table, limit=limit, page_token=page_token, as_json=as_json)


def show_pages(
    ctx: typer.Context,
    ask: Ask[ClientT],
    call: Callable[[ClientT, Page], Awaitable[ResponseT]],
    *,
    table: Callable[[ResponseT], RenderableType],
    limit: int,
    page_token: str,
    as_json: bool,
) -> None:
    """Read pages up to the limit and show them as one answer; on stderr how to go on."""
    parent = session_of(ctx).parent

    async def read(client: ClientT) -> ResponseT:
        found = await call(client, Page(parent=parent, size=_size(limit), token=page_token))
        while (left := limit - count_of(found)) > 0 and (token := next_token(found)):
            page = await call(client, Page(parent=parent, size=_size(left), token=token))
            found.ClearField("next_page_token")
            found.MergeFrom(page)
            # The end of a log that has no last page; other lists have empty pages before their end.
            if not count_of(page) and next_token(page) == token:
                break
        return found

    answer = ask(ctx, read)
    show(answer, as_json=as_json, table=lambda: table(answer))
    if count_of(answer) >= limit and (token := next_token(answer)):
        sys.stderr.write(f"There may be more: --page-token {token}\n")


def changed(**given: object) -> FieldMask:
    """The fields that were given; exit 2 when there are none."""
    mask = FieldMask(paths=[field for field, value in given.items() if value is not None])
    if not mask.paths:
        refuse("Nothing to change: give at least one option, see --help.", status=USAGE)
    return mask


def _size(wanted: int) -> int:
    return min(wanted, _LARGEST_PAGE)


def count_of(page: Message) -> int:
    """How many things a page lists: it has one repeated field."""
    return sum(
        len(getattr(page, field.name)) for field in page.DESCRIPTOR.fields if field.is_repeated
    )


def next_token(page: Message) -> str:
    """The token of the page after this one, or nothing."""
    return str(getattr(page, "next_page_token", ""))
