"""Lists are read page by page: to their end, and not beyond."""

import json

from audience.v1.audiences_pb2 import ListUnreadyMembersResponse, Member, UnreadyMember
from enrichment.v1.events_pb2 import Event, ListEventsResponse
from typer.testing import CliRunner, Result

from clients.audiencectl.main import app
from tests.audiencectl.recorder import Recorder, recording

LACKING = UnreadyMember(member=Member(audience="workspaces/w/audiences/a"), missing_tags=["title"])


def run(recorder: Recorder, *words: str) -> Result:
    addresses = ("--audience", recorder.address, "--enrichment", recorder.address)
    return CliRunner().invoke(app, [*addresses, "--workspace", "w", *words, "--json"])


def test_an_empty_page_is_not_the_end_while_its_token_leads_on() -> None:
    pages = (
        ListUnreadyMembersResponse(next_page_token="a"),
        ListUnreadyMembersResponse(next_page_token="b"),
        ListUnreadyMembersResponse(members=[LACKING], next_page_token="c"),
        ListUnreadyMembersResponse(),
    )
    with recording(*pages) as recorder:
        ended = run(recorder, "audience", "unready", "a", "{{title}}")
    assert ended.exit_code == 0, ended.output
    assert [each["missingTags"] for each in json.loads(ended.stdout)["members"]] == [["title"]]
    assert len(recorder.called) == len(pages)


def test_a_log_without_a_last_page_ends_where_its_token_stays() -> None:
    pages = (
        ListEventsResponse(events=[Event(event_id="1")], next_page_token="a"),
        ListEventsResponse(next_page_token="a"),
    )
    with recording(*pages) as recorder:
        ended = run(recorder, "event", "list")
    assert ended.exit_code == 0, ended.output
    assert json.loads(ended.stdout)["nextPageToken"] == "a"
    assert len(recorder.called) == len(pages)
