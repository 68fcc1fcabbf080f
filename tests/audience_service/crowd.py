"""People in several spellings, and an enrichment service that tells who is who."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence

from enrichment.v1 import profiles_pb2

from tests.audience_service.enrichment_stub import EnrichmentStub

_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def spellings(person: int) -> tuple[str, str, str]:
    """One person by vanity, by opaque id, and as Sales Navigator knows them."""
    return (
        f"https://www.linkedin.com/in/person-{person}",
        f"https://www.linkedin.com/in/ACoAA{_KEY}{person:04}",
        f"https://www.linkedin.com/sales/lead/ACwAA{_KEY}{person:04},NAME_SEARCH,x",
    )


def person_of(identifier: str) -> int:
    """Whom an identifier of a submission means."""
    return int(identifier.rpartition("-")[2] if "-" in identifier else identifier[-4:])


def csv_of(draw: random.Random, people: Sequence[int], *, rows: int) -> tuple[bytes, set[int]]:
    """A file of these people in any spelling, with rows of nobody; and who is in it."""
    lines = ["url,first name"]
    named: set[int] = set()
    for _ in range(rows):
        person = draw.choice(people)
        named.add(person)
        lines.append(f'"{draw.choice(spellings(person))}",First {person}')
    lines += ["https://example.com/nobody,Nobody", ",Nameless"]
    return "\n".join(lines).encode(), named


class Revealing:
    """Answers every submission with a view that shows the person's ids."""

    def __init__(self, stub: EnrichmentStub) -> None:
        self._stub = stub
        self._revisions: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._shown: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Reveal until cancelled."""
        while True:
            self.reveal()
            await asyncio.sleep(0.02)

    def reveal(self) -> None:
        """Show everybody who was submitted and has not been shown."""
        for enrichment, submitted in self._stub.submitted.items():
            for prospect, identifiers in list(submitted.items()):
                if (enrichment, prospect) in self._shown:
                    continue
                self._shown.add((enrichment, prospect))
                self._emit(enrichment, identifiers)

    def _emit(self, enrichment: str, identifiers: Sequence[str]) -> None:
        profile = self._stub.profiles[identifiers[0]]
        person = person_of(identifiers[0])
        self._revisions[enrichment, profile] += 1
        self._stub.emit(
            enrichment=enrichment,
            prospect=self._stub.firsts[enrichment, profile].removeprefix("prospects/"),
            profile=profile,
            revision=self._revisions[enrichment, profile],
            final=True,
            data=profiles_pb2.Profile(
                provider_id=f"ACoAA{_KEY}{person:04}",
                member_id=str(1_000 + person),
                public_identifier=f"person-{person}",
                first_name=f"First {person}",
                last_name="Seen",
            ),
        )
