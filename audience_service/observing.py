"""Who is told of the work that goes on in the background."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext


class Observer:
    """Hears what happens; this one lets it pass."""

    def work(self, name: str) -> AbstractContextManager[object]:
        """Entered while a step of background work is done."""
        return nullcontext()

    def import_running(self) -> AbstractContextManager[object]:
        """Entered while an import is checked and applied."""
        return nullcontext()

    def rows_applied(self, counts: Mapping[str, int]) -> None:
        """Rows of an import were written, by class."""

    def import_ended(self, *, accepted: bool, seconds: float) -> None:
        """An import is done, or was refused, so long after it began."""

    def audiences_waiting(self, *, ready: int, resting: int) -> None:
        """Audiences that have something to tell the enrichment service, or rest after a failure."""

    def profiles_submitted(self, count: int) -> None:
        """Profiles were handed to the enrichment service."""

    def events_linked(self, lags_ms: Sequence[int]) -> None:
        """The position in the log was written; events were linked so long after they happened."""

    def snapshot_begun(self) -> None:
        """The log could not be read on; a snapshot takes its place."""


SILENT = Observer()
