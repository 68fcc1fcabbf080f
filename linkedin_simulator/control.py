"""The switchboard under /_sim: people, accounts, faults and the logs. No key is needed."""

from dataclasses import dataclass
from typing import TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from linkedin_simulator.accounts import ACCOUNTS, Accounts
from linkedin_simulator.faults import Fault, Faults, Rule
from linkedin_simulator.identity import (
    Identities,
    InvalidIdentifierError,
    UnknownIdentifierError,
)
from linkedin_simulator.journal import Journal
from linkedin_simulator.views import ViewLog

_T = TypeVar("_T")
_PAGE = 1000
_LARGEST_PAGE = 10_000


class Person(BaseModel):
    """Identifiers that are one person; at least one of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vanity: str | None = None
    provider_id: str | None = None
    sales_id: str | None = None


_PEOPLE = TypeAdapter(list[Person])
_RULE = TypeAdapter(Rule)


@dataclass(frozen=True, kw_only=True)
class Control:
    """Answers everything under /_sim."""

    accounts: Accounts
    identities: Identities
    faults: Faults
    views: ViewLog
    count_calls: Journal

    def routes(self) -> list[web.RouteDef]:
        """The paths and their handlers."""
        return [
            web.get("/_sim/health", self.health),
            web.get("/_sim/redirected", self.redirected),
            web.post("/_sim/people", self.post_people),
            web.get("/_sim/people/{identifier}", self.get_person),
            web.post("/_sim/accounts", self.post_accounts),
            web.get("/_sim/accounts", self.get_accounts),
            web.post("/_sim/faults", self.post_fault),
            web.get("/_sim/faults", self.get_faults),
            web.delete("/_sim/faults", self.delete_faults),
            web.delete("/_sim/faults/{fault_id}", self.delete_faults),
            web.get("/_sim/views", self.get_views),
            web.get("/_sim/views/summary", self.get_summary),
            web.get("/_sim/count_calls", self.get_count_calls),
        ]

    async def health(self, _: web.Request) -> web.Response:
        """Tells that the simulator serves."""
        return _json({"status": "SERVING"})

    async def redirected(self, _: web.Request) -> web.Response:
        """Where the fault `redirect` leads: an answer that no client should take for a profile."""
        return _json({"object": "Redirected"})

    async def post_people(self, request: web.Request) -> web.Response:
        """Declare identifiers to be one person each; answers all identifiers of each."""
        people = _parse(_PEOPLE, await request.read())
        return _json([self._declare(person) for person in people])

    async def get_person(self, request: web.Request) -> web.Response:
        """All identifiers of a person; no view."""
        try:
            tail = self.identities.resolve(request.match_info["identifier"])
        except (InvalidIdentifierError, UnknownIdentifierError) as error:
            raise _problem(web.HTTPNotFound, str(error)) from error
        return _json(self.identities.names_of(tail))

    async def post_accounts(self, request: web.Request) -> web.Response:
        """Add accounts or set their state; answers all that were ever posted."""
        self.accounts.put(_parse(ACCOUNTS, await request.read()))
        return await self.get_accounts(request)

    async def get_accounts(self, _: web.Request) -> web.Response:
        """All accounts that were posted."""
        return _json(ACCOUNTS.dump_python(self.accounts.listed()))

    async def post_fault(self, request: web.Request) -> web.Response:
        """Put one fault in force; answers it with its id."""
        return _json(self._fault(self.faults.add(_parse(_RULE, await request.read()))))

    async def get_faults(self, _: web.Request) -> web.Response:
        """All faults with how often each was played."""
        return _json([self._fault(fault) for fault in self.faults.listed()])

    async def delete_faults(self, request: web.Request) -> web.Response:
        """Lift one fault, or all."""
        if not self.faults.remove(request.match_info.get("fault_id")):
            raise _problem(web.HTTPNotFound, "there is no fault of this id")
        return await self.get_faults(request)

    async def get_views(self, request: web.Request) -> web.Response:
        """A page of the view log: `views`, and `last`, the number of the newest entry of all."""
        after, limit = _range(request)
        views = self.views.page(
            account_id=request.query.get("account_id"), after=after, limit=limit
        )
        return _json({"views": views, "last": len(self.views)})

    async def get_summary(self, _: web.Request) -> web.Response:
        """Counted views by account and UTC day."""
        return _json({"accounts": self.views.summary()})

    async def get_count_calls(self, request: web.Request) -> web.Response:
        """A page of the log of audience count calls."""
        after, limit = _range(request)
        last = len(self.count_calls)
        calls = self.count_calls.read(range(after + 1, min(after + limit, last) + 1))
        return _json({"calls": calls, "last": last})

    def _declare(self, person: Person) -> dict[str, str]:
        try:
            return self.identities.declare(**person.model_dump())
        except (InvalidIdentifierError, UnknownIdentifierError) as error:
            raise _problem(web.HTTPBadRequest, str(error)) from error

    def _fault(self, fault: Fault) -> dict[str, object]:
        rule = fault.rule.model_dump(mode="json", exclude_none=True)
        return {"id": fault.id, "played": self.views.fired[fault.id], **rule}


def _parse(adapter: TypeAdapter[_T], body: bytes) -> _T:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise _problem(web.HTTPBadRequest, "; ".join(problems)) from error


def _range(request: web.Request) -> tuple[int, int]:
    """The parameters `after` (0 by default) and `limit` (1,000 by default, 10,000 at most)."""
    try:
        after = int(request.query.get("after", "0"))
        limit = int(request.query.get("limit", str(_PAGE)))
    except ValueError as error:
        raise _problem(web.HTTPBadRequest, "after and limit are whole numbers") from error
    if after < 0 or not 1 <= limit <= _LARGEST_PAGE:
        raise _problem(web.HTTPBadRequest, f"send after >= 0 and limit 1 to {_LARGEST_PAGE}")
    return after, limit


def _problem(kind: type[web.HTTPError], message: str) -> web.HTTPError:
    return kind(body=orjson.dumps({"message": message}), content_type="application/json")


def _json(document: object) -> web.Response:
    return web.Response(body=orjson.dumps(document), content_type="application/json")
