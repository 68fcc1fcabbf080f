"""Reads the answers of the connected-account API (domain: Unipile v1). Trusts nothing in them."""

import re
from email.utils import parsedate_to_datetime
from typing import NamedTuple, TypeGuard
from urllib.parse import quote, unquote

import orjson

from enrichment_service.identifiers import (
    fold_vanity,
    is_provider_id,
    is_sales_id,
)
from enrichment_service.model import AccountStatus, ConnectionDegree
from enrichment_service.view_results import Finding, ViewedProfile

_LONGEST_TEXT = 1000
_LONGEST_URL = 4000
_LARGEST_COUNT = 2**31 - 1
_NOT_PRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_VANITY = re.compile(r"[^/\s?#\x00-\x1f\x7f-\x9f]{3,100}")
_PROFILE_URL = re.compile(r"https://(?:[a-z]{2,3}\.)?linkedin\.com/in/([^/?#]+)/?")
_MEMBER_URN = re.compile(r"(?:urn:li:member:)?([1-9][0-9]{0,18})", re.ASCII)
_PICTURE_EXPIRY = re.compile(r"[?&]e=([0-9]{1,11})(?:&|$)", re.ASCII)
_ERROR_TYPE = re.compile(r"errors/([a-z0-9_]{1,64})")
_SECONDS = re.compile(r"0*([0-9]{1,12})[0-9]*", re.ASCII)
_PLACEHOLDER = "LinkedIn Member"
_SOURCE_STATUSES = (
    AccountStatus.CREDENTIALS,
    AccountStatus.PERMISSIONS,
    AccountStatus.STOPPED,
    AccountStatus.ERROR,
    AccountStatus.CONNECTING,
)
_DEGREES = {
    "FIRST_DEGREE": ConnectionDegree.FIRST,
    "SECOND_DEGREE": ConnectionDegree.SECOND,
    "THIRD_DEGREE": ConnectionDegree.THIRD,
    "OUT_OF_NETWORK": ConnectionDegree.OUT_OF_NETWORK,
}


class Reading(NamedTuple):
    """What an answer of status 200 holds; a profile only if it is the one asked for."""

    finding: Finding
    profile: ViewedProfile | None = None


def read_profile(body: bytes, *, asked: str, known_id: str = "") -> Reading:
    """Read the body of a 200 answer.

    Args:
        body: the whole body.
        asked: the identifier that was asked for.
        known_id: the provider id that an earlier view under it showed, if there was one.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Reading(Finding.BROKEN_BODY)
    if not _is_object(answer) or answer.get("object") != "UserProfile":
        return Reading(Finding.NOT_A_PROFILE)
    profile = _profile(answer, asked=asked)
    if not is_provider_id(profile.provider_id):
        return Reading(Finding.NOT_A_PROFILE)
    # Who has changed their name since the last view is still the one asked for.
    renamed = bool(known_id) and profile.provider_id == known_id
    if not renamed and not _is_person_asked_for(profile, asked=asked):
        return Reading(Finding.ANOTHER_MEMBER)
    if answer.get("throttled_sections"):
        return Reading(Finding.THROTTLED, profile)
    if not profile.first_name and not profile.last_name:
        return Reading(Finding.NAMES_WITHHELD, profile)
    return Reading(Finding.COMPLETE, profile)


def read_error_type(body: bytes) -> str | None:
    """Type of an error answer without `errors/`; None when the body tells none."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    error_type = answer.get("type") if _is_object(answer) else None
    found = _ERROR_TYPE.fullmatch(error_type) if isinstance(error_type, str) else None
    return found[1] if found else None


def read_account_status(status: int, body: bytes) -> AccountStatus | None:
    """Status of an account from the answer of that HTTP status; None when it tells none.

    An account is as well as the worst of its sources.
    """
    if status == 404 and read_error_type(body) == "resource_not_found":
        return AccountStatus.DELETED
    try:
        answer = orjson.loads(body) if status == 200 else None
    except orjson.JSONDecodeError:
        return None
    sources = answer.get("sources") if _is_object(answer) else None
    entries: list[object] = sources if isinstance(sources, list) else []
    told = {entry.get("status") if _is_object(entry) else None for entry in entries}
    bad = next((known for known in _SOURCE_STATUSES if known.value in told), None)
    return bad or (AccountStatus.OK if told == {"OK"} else None)


def read_retry_after(header: str | None, *, now_ms: int) -> int | None:
    """The wait that a Retry-After header asks for, in milliseconds.

    None if it is absent, unreadable, or not in the future: then it does not say how long to wait.

    Args:
        header: seconds or an HTTP date.
        now_ms: the calendar time, which a date is compared with.
    """
    if header is None:
        return None
    if seconds := _SECONDS.fullmatch(header.strip()):
        wait = int(seconds[1]) * 1000
    else:
        try:
            wait = int(parsedate_to_datetime(header).timestamp() * 1000) - now_ms
        except (ValueError, OverflowError, OSError):
            return None
    return wait if wait > 0 else None


def _is_person_asked_for(profile: ViewedProfile, *, asked: str) -> bool:
    """Whether the ids that came back show that this is the person.

    A Sales Navigator id comes back under no name, so it cannot be checked. A vanity that does not
    come back as it was asked, or not at all, may be anybody's: in doubt it is another member.
    """
    if is_provider_id(asked):
        return profile.provider_id == asked
    return is_sales_id(asked) or profile.public_identifier == fold_vanity(asked)


def _profile(answer: dict[str, object], *, asked: str) -> ViewedProfile:
    vanity = _vanity(answer, asked=asked)
    job = _current_job(answer.get("work_experience"))
    first, last = _text(answer.get("first_name")), _text(answer.get("last_name"))
    if f"{first} {last}" == _PLACEHOLDER:
        first = last = ""
    headline = _text(answer.get("headline"))
    picture = _url(answer.get("profile_picture_url_large")) or _url(
        answer.get("profile_picture_url")
    )
    expiry = _PICTURE_EXPIRY.search(picture)
    urn = _MEMBER_URN.fullmatch(str(answer.get("member_urn")))
    shared = answer.get("shared_connections_count")
    return ViewedProfile(
        provider_id=_line(answer.get("provider_id")),
        member_id=urn[1] if urn else "",
        public_identifier=vanity,
        public_profile_url=f"https://www.linkedin.com/in/{quote(vanity, safe='')}"
        if vanity
        else "",
        first_name=first,
        last_name=last,
        headline="" if headline == _PLACEHOLDER else headline,
        company=_text(job.get("company")),
        title=_text(job.get("position")),
        location=_text(answer.get("location")),
        picture_url=picture,
        picture_expire_ms=int(expiry[1]) * 1000 if expiry else None,
        connection_degree=_degree(answer),
        shared_connections_count=shared
        if type(shared) is int and 0 <= shared <= _LARGEST_COUNT
        else None,
    )


def _vanity(answer: dict[str, object], *, asked: str) -> str:
    """The folded vanity, from the URL if it is not told by itself.

    Some come percent-encoded, yet a vanity can hold a percent sign: as it came if that was asked.
    """
    told = answer.get("public_identifier")
    if not isinstance(told, str):
        url = _PROFILE_URL.fullmatch(_url(answer.get("public_profile_url")))
        told = url[1] if url else ""
    vanity = told if fold_vanity(told) == fold_vanity(asked) else unquote(told)
    if is_provider_id(vanity) or not _VANITY.fullmatch(vanity):
        return ""
    return fold_vanity(vanity)


def _current_job(jobs: object) -> dict[str, object]:
    """The first entry whose `end` is null; `current` is often absent."""
    entries: list[object] = jobs if isinstance(jobs, list) else []
    return next((entry for entry in entries if _is_object(entry) and entry.get("end") is None), {})


def _degree(answer: dict[str, object]) -> ConnectionDegree | None:
    if answer.get("is_relationship") is True:
        return ConnectionDegree.FIRST
    return _DEGREES.get(str(answer.get("network_distance")))


def _text(value: object) -> str:
    """Text for people: as a line, without marks that turn the direction of what is around them."""
    return _line(_TURNING.sub("", value)) if isinstance(value, str) else ""


def _line(value: object) -> str:
    """Text in one line, cut at 1,000 characters; empty for anything else."""
    if not isinstance(value, str):
        return ""
    return _NOT_PRINTED.sub(" ", value).strip()[:_LONGEST_TEXT]


def _url(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_URL:
        return ""
    return value if value.startswith("https://") and not _NOT_PRINTED.search(value) else ""


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)
