"""The pages of the view log, and the file under it."""

from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkedin_simulator.journal import Journal
from tests.support.simulator_client import SimulatorClient
from tests.support.simulator_process import SimulatorProcess


async def test_pages_of_one_account_and_of_all(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with SimulatorProcess(tmp_path) as process:
        client = SimulatorClient(url=process.url, session=session)
        for n in range(10):
            await client.view(f"person-{n}", account="odd" if n % 2 else "even")
        for query, expected in (
            ("", list(range(1, 11))),
            ("limit=3", [1, 2, 3]),
            ("after=8", [9, 10]),
            ("after=10", []),
            ("account_id=odd", [2, 4, 6, 8, 10]),
            ("account_id=odd&after=4&limit=2", [6, 8]),
            ("account_id=nobody", []),
        ):
            page = (await client.call("GET", f"/_sim/views?{query}")).json
            assert [view["n"] for view in page["views"]] == expected
            assert page["last"] == 10


@pytest.mark.parametrize("query", ["after=x", "limit=0", "limit=10001", "after=-1"])
async def test_wrong_pages_are_refused(client: SimulatorClient, query: str) -> None:
    answer = await client.call("GET", f"/_sim/views?{query}")
    assert answer.status == 400
    assert answer.json["message"]


@given(
    entries=st.lists(st.dictionaries(st.text(), st.text(), max_size=3), max_size=6),
    cut=st.integers(min_value=0, max_value=400),
)
def test_a_file_cut_anywhere_opens_with_its_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, entries: list[dict[str, object]], cut: int
) -> None:
    path = tmp_path_factory.mktemp("journal") / "log.jsonl"
    journal = Journal(path=path)
    for entry in entries:
        journal.append(entry)
    journal.close()
    content = path.read_bytes()[:cut]
    path.write_bytes(content)
    whole = content.count(b"\n")
    seen: list[dict[str, object]] = []
    journal = Journal(path=path, replay=seen.append)
    journal.append({"after": "the cut"})
    expected = [*entries[:whole], {"after": "the cut"}]
    assert seen == entries[:whole]
    assert journal.read(range(1, len(journal) + 1)) == expected
    journal.close()
    assert path.read_bytes().count(b"\n") == whole + 1


def test_a_damaged_line_is_not_skipped(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"n":1}\nrubbish\n{"n":3}\n')
    with pytest.raises(ValueError, match="damaged at byte 8"):
        Journal(path=path)
