"""Use case: erasing people."""

from collections.abc import Sequence

from enrichment_service.person_keys import PersonKeys
from enrichment_service.ports import StorePort, partition_of
from enrichment_service.refusals import ask
from servicekit.names import random_id


class Erasure:
    """Erases people from a workspace."""

    def __init__(self, store: StorePort, *, keys: PersonKeys) -> None:
        self._store = store
        self._keys = keys

    async def erase(self, workspace: str, identifiers: Sequence[str]) -> None:
        """Forgets whoever has any of the identifiers; unknown ones stay out as well.

        FAILED_PRECONDITION (ERASURE_KEY_MISSING). Repeating it changes nothing.
        """
        await ask(
            self._store,
            partition_of(workspace),
            "erase_profile",
            subject=f"workspaces/{workspace}",
            workspace=workspace,
            ids=self._keys.of(workspace, identifiers),
            fresh_id=random_id(),
        )

    async def secret_is_known(self) -> bool:
        """False when people were erased under another secret: they would all come back.

        The first secret that a store sees is its own for good.
        """
        answer = await self._store.call(
            0, "check_erasure_key", {"fingerprint": self._keys.fingerprint()}
        )
        return bool(answer["known"])
