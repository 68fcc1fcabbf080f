"""Import files: the samples, and the exports that are recognised."""

from collections import Counter
from pathlib import Path

import pytest

from audience_service.identity import Identity, Rejection
from audience_service.import_files import (
    FileKind,
    ImportedRow,
    open_file,
)
from tests.audience_service.import_rows import ADA, SALES_ID, aliases_of, chunks_of, rows_of

_SAMPLES = Path(__file__).parents[2] / "clients" / "samples"


def _classes(rows: list[ImportedRow]) -> Counter[str]:
    """Count rows as an import does: a person is known by any earlier identity."""
    seen: set[Identity] = set()
    classes: Counter[str] = Counter()
    for row in rows:
        known = not seen.isdisjoint(row.identities)
        classes[row.problem or ("REPEATED" if known else "NEW")] += 1
        seen.update(row.identities)
    return classes


def _sample(name: str) -> list[ImportedRow]:
    return rows_of((_SAMPLES / name).read_bytes(), size=4096)


def test_the_sample_of_linkedin_connections() -> None:
    rows = _sample("Connections.csv")

    assert [row.number for row in rows] == list(range(5, 1005))
    assert _classes(rows) == {
        "NEW": 960,
        "REPEATED": 18,
        Rejection.NO_URL: 18,
        Rejection.NOT_LINKEDIN: 2,
        Rejection.NOT_A_PERSON: 1,
        Rejection.UNAVAILABLE: 1,
    }


def test_the_sample_of_a_sales_navigator_export() -> None:
    rows = _sample("sales_navigator_export.csv")

    assert _classes(rows) == {"NEW": 300}
    assert {tuple(alias.partition(":")[0] for alias in row) for row in aliases_of(rows)} == {
        ("in", "sales")
    }


def test_the_sample_of_a_bare_list() -> None:
    assert _classes(_sample("urls.txt")) == {"NEW": 300}


def test_the_samples_overlap_as_far_as_ids_alone_can_tell() -> None:
    connections, sales, urls = (
        {identity for row in _sample(name) for identity in row.identities}
        for name in ("Connections.csv", "sales_navigator_export.csv", "urls.txt")
    )

    assert len(connections & sales) == 100
    assert 0 < len(sales & urls) < 60, "some are known only under another id"


_PREAMBLE = 'Notes:\r\n"When exporting,\nsome are missing, ""sorry"""\r\n\r\n'
_CONNECTIONS = "First Name,Last Name,URL,Email Address,Company,Position,Connected On\r\n"


def test_linkedin_connections_with_preamble_and_people_without_profile() -> None:
    data = (
        f"\ufeff{_PREAMBLE}{_CONNECTIONS}"
        f'Ada,Lovelace,{ADA},,"Engines, Ltd","Chief\nEngineer",15 Jun 2026\r\n'
        ",,,,,,30 Apr 2026\r\n\r\nRestricted,Member,,,,,02 Feb 2022\r\n,,,,,,\r\n"
    )
    file = open_file(chunks_of(data, size=5), max_rows=10, max_row_chars=1000)

    assert file.kind is FileKind.LINKEDIN_CONNECTIONS
    ada, dated, restricted = file.rows
    assert ada == ImportedRow(
        number=5,
        identities=(Identity("in:ada-lovelace"),),
        fields={
            "first_name": "Ada",
            "last_name": "Lovelace",
            "company": "Engines, Ltd",
            "title": "Chief\nEngineer",
            "connected_on": "15 Jun 2026",
        },
        problem=None,
    )
    assert (dated.number, dated.problem) == (6, Rejection.NO_URL)
    assert (restricted.number, restricted.problem) == (8, Rejection.NO_URL)


@pytest.mark.parametrize(
    ("kind", "header", "row", "aliases"),
    [
        (
            FileKind.SALES_NAVIGATOR,
            "profileUrl,fullName,companyName,title,vmid,linkedInProfileUrl,defaultProfileUrl",
            f'"linkedin.com/sales/lead/{SALES_ID},NAME_SEARCH,a",Ada L,E,CTO,{SALES_ID},,{ADA}',
            ["in:ada-lovelace", f"sales:{SALES_ID}"],
        ),
        (
            FileKind.SALES_NAVIGATOR,
            "profileUrl,fullName,companyName,title,vmid,linkedInProfileUrl,defaultProfileUrl",
            f",Ada L,E,CTO,{SALES_ID},,",
            [f"sales:{SALES_ID}"],
        ),
        (
            FileKind.EVABOOT,
            "First Name,Current Job,Linkedin URL Unique ID,Linkedin URL Public,Company Name",
            f"Ada,CTO,https://www.linkedin.com/in/{SALES_ID},{ADA},E",
            ["in:ada-lovelace", f"sales:{SALES_ID}"],
        ),
        (
            FileKind.HEYREACH,
            "profileUrl,firstName,lastName,emailAddress,companyName,position",
            f"{ADA},Ada,L,,E,CTO",
            ["in:ada-lovelace"],
        ),
        (FileKind.TABLE, "Company;Person Linkedin Url;Title", f"E;{ADA};CTO", ["in:ada-lovelace"]),
        (FileKind.TABLE, "linkedin_url\tcompany\ttitle", f"{ADA}\tE\tCTO", ["in:ada-lovelace"]),
        (FileKind.TABLE, "company,title,Contact", f"E,CTO,{ADA}", ["in:ada-lovelace"]),
    ],
)
def test_each_export_is_recognised(
    kind: FileKind, header: str, row: str, aliases: list[str]
) -> None:
    file = open_file([f"{header}\n{row}\n".encode()], max_rows=1, max_row_chars=1000)
    rows = list(file.rows)

    assert file.kind is kind
    assert aliases_of(rows) == [aliases]
    assert rows[0].number == 2
    assert rows[0].fields["company"] == "E"
    assert rows[0].fields["title"] == "CTO"


@pytest.mark.parametrize(
    "name",
    ["LinkedIn URL", "LinkedIn Profile", "linkedin_url", "linkedinUrl", "Profile URL", "url"],
)
def test_a_single_column_may_carry_any_of_the_usual_names(name: str) -> None:
    (row,) = rows_of(f"{name}\n{ADA}\n")

    assert (row.number, row.identities) == (2, (Identity("in:ada-lovelace"),))


def test_a_list_without_header_counts_from_its_first_line() -> None:
    data = f"{ADA}\n\nhttps://www.linkedin.com/company/acme\nlinkedin.com/in/grace-hopper"

    rows = rows_of(data)

    assert [(row.number, row.problem) for row in rows] == [
        (1, None),
        (3, Rejection.NOT_A_PERSON),
        (4, None),
    ]


def test_a_bad_url_does_not_hide_a_good_one_in_another_column() -> None:
    header = "defaultProfileUrl,linkedInProfileUrl,profileUrl\n"

    (row,) = rows_of(f"{header}https://www.linkedin.com/company/acme,{ADA},\n")

    assert row.problem is None
    assert row.identities == (Identity("in:ada-lovelace"),)
