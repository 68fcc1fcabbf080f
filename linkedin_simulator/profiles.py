"""The connected-account API: profiles and accounts (domain: Unipile v1)."""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

import orjson
from aiohttp import web
from aiohttp.typedefs import LooseHeaders

from linkedin_simulator.accounts import Accounts
from linkedin_simulator.errors import error_body, kind_of
from linkedin_simulator.faults import Fault, Faults
from linkedin_simulator.identity import (
    Identities,
    InvalidIdentifierError,
    UnknownIdentifierError,
    is_id,
)
from linkedin_simulator.misbehaviour import STATUS_OF, answer_badly
from linkedin_simulator.people import Population, Profile, hide_names
from linkedin_simulator.views import ViewLog
from servicekit.clock import Clock


class _Error(NamedTuple):
    """An error answer: its type, its status and a Retry-After header."""

    name: str
    status: int
    retry_after: str | None = None


def _error(name: str) -> _Error:
    return _Error(name=name, status=kind_of(name=name).status)


@dataclass(frozen=True, kw_only=True)
class ProfileApi:
    """Answers GET /api/v1/users/{identifier} and GET /api/v1/accounts/{account_id}."""

    api_key: str
    clock: Clock
    accounts: Accounts
    identities: Identities
    population: Population
    faults: Faults
    views: ViewLog

    async def get_account(self, request: web.Request) -> web.StreamResponse:
        """The account with the status of its source."""
        if request.headers.get("X-API-KEY") != self.api_key:
            return _answer_error(_error("missing_credentials"))
        account = self.accounts.find(request.match_info["account_id"])
        if account is None:
            return _answer_error(_error("resource_not_found"))
        return _answer(orjson.dumps(account.body()))

    async def get_profile(self, request: web.Request) -> web.StreamResponse:
        """One profile as one account sees it: a view, in the log before the answer begins."""
        identifier = request.match_info["identifier"]
        account_id = request.query.get("account_id", "")
        error = self._refusal(key=request.headers.get("X-API-KEY"), account_id=account_id)
        tail: str | None = None
        fault: Fault | None = None
        if error is None:
            try:
                tail = self.identities.resolve(identifier)
            except InvalidIdentifierError:
                error = _error("invalid_resource_identifier")
            except UnknownIdentifierError:
                error = _error("resource_not_found")
            if self.faults:
                fault = self.faults.pick(
                    account_id=account_id,
                    means=lambda other: self._same(other, identifier=identifier, tail=tail),
                    played=self.views.fired,
                )
        if fault is not None and fault.rule.type is not None:
            kind = kind_of(name=fault.rule.type, status=fault.rule.status)
            error = _Error(fault.rule.type, kind.status, fault.rule.retry_after)
        status = 200 if fault is None else STATUS_OF.get(fault.rule.action, 200)
        self.views.record(
            account_id=account_id,
            identifier=identifier,
            person=None if tail is None else "ACoAA" + tail,
            status=status if error is None else error.status,
            counted=error is None or kind_of(name=error.name, status=error.status).counted,
            fault=None if fault is None else fault.rule.action,
            fault_id=None if fault is None else fault.id,
        )
        if fault is not None and fault.rule.delay_ms:
            await asyncio.sleep(fault.rule.delay_ms / 1000)
        if error is not None or tail is None:
            return _answer_error(error or _error("unexpected_error"))
        profile = self._profile(
            request, identifier=identifier, tail=tail, account_id=account_id, fault=fault
        )
        if fault is None:
            return _answer(orjson.dumps(profile))
        return await answer_badly(request, rule=fault.rule, body=orjson.dumps(profile))

    def _refusal(self, *, key: str | None, account_id: str) -> _Error | None:
        """What stands before any look at LinkedIn: the key and the account."""
        if key != self.api_key:
            return _error("missing_credentials")
        if not account_id:
            return _error("invalid_parameters")
        account = self.accounts.find(account_id)
        if account is None:
            return _error("invalid_account")
        return _error(account.refusal) if account.refusal is not None else None

    def _same(self, other: str, *, identifier: str, tail: str | None) -> bool:
        """Whether the identifier of a fault means the person that is asked for."""
        if tail is None:
            return other == identifier
        try:
            return self.identities.resolve(other) == tail
        except (InvalidIdentifierError, UnknownIdentifierError):
            return False

    def _profile(
        self,
        request: web.Request,
        *,
        identifier: str,
        tail: str,
        account_id: str,
        fault: Fault | None,
    ) -> Profile:
        action = None if fault is None else fault.rule.action
        if action == "another_member":
            # Somebody else, always the same one: the tail read backwards.
            identifier = "ACoAA" + tail[::-1]
        tail, vanity = self.identities.meet(identifier)
        profile = self.population.profile(
            tail=tail,
            vanity=vanity,
            account_id=account_id,
            now_ms=self.clock.now_ms(),
            by_vanity=not is_id(identifier),
        )
        sections = request.query.getall("linkedin_sections", [])
        if not {"experience", "*"} & set(",".join(sections).split(",")):
            del profile["work_experience"]
        elif action == "throttle":
            profile["work_experience"] = []
            profile["throttled_sections"] = ["experience"]
        if action == "null_names":
            hide_names(profile)
        if action == "not_a_profile":
            return {"object": "CompanyProfile", "id": "1337", "name": "Northwind"}
        return profile


def _answer(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def _answer_error(error: _Error) -> web.Response:
    headers: LooseHeaders = {}
    if error.retry_after is not None:
        headers = {"Retry-After": error.retry_after}
    body = orjson.dumps(error_body(name=error.name, status=error.status))
    return web.Response(
        body=body, status=error.status, headers=headers, content_type="application/json"
    )
