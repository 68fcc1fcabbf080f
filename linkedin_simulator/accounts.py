"""The connected accounts and the state of each."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator

from linkedin_simulator import documents
from linkedin_simulator.errors import kind_of

Status = Literal["OK", "STOPPED", "ERROR", "CREDENTIALS", "PERMISSIONS", "CONNECTING"]

# What a profile request answers while the account is in this state; `error` overrides it.
_ERROR_OF: dict[Status, str | None] = {
    "OK": None,
    "STOPPED": "disconnected_account",
    "ERROR": "checkpoint_error",
    "CREDENTIALS": "expired_credentials",
    "PERMISSIONS": "disconnected_feature",
    "CONNECTING": "disconnected_account",
}


class Account(BaseModel):
    """One connected account.

    Attributes:
        id: the `account_id` of requests.
        status: state of its source, as GET /api/v1/accounts/{id} tells it.
        error: error type that profile requests get; by default what the status implies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=200)
    status: Status = "OK"
    error: str | None = None

    @field_validator("error")
    @classmethod
    def _error_is_known(cls, error: str | None) -> str | None:
        if error is not None:
            kind_of(name=error)
        return error

    @property
    def refusal(self) -> str | None:
        """Error type that a profile request gets now, or None."""
        return self.error or _ERROR_OF[self.status]

    def body(self) -> dict[str, object]:
        """The account as the provider's API shows it."""
        return {
            "object": "Account",
            "id": self.id,
            "type": "LINKEDIN",
            "name": "Simulated member",
            "sources": [{"id": f"{self.id}_MESSAGING", "status": self.status}],
        }


ACCOUNTS = TypeAdapter(list[Account])


class Accounts:
    """All accounts that were posted; kept in a file."""

    def __init__(self, *, path: Path, any_account: bool) -> None:
        """Load the file; with `any_account`, ids that were never posted exist and are well."""
        self._path = path
        self._any = any_account
        known = ACCOUNTS.validate_python(documents.load(path) or [])
        self._known = {account.id: account for account in known}

    def find(self, account_id: str) -> Account | None:
        """The account, or None when there is none."""
        known = self._known.get(account_id)
        return Account(id=account_id) if known is None and self._any else known

    def put(self, accounts: list[Account]) -> None:
        """Add the accounts, or replace those of the same id."""
        self._known.update((account.id, account) for account in accounts)
        documents.save(path=self._path, document=ACCOUNTS.dump_python(self.listed()))

    def listed(self) -> list[Account]:
        """Every account that was posted."""
        return list(self._known.values())
