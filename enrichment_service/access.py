"""Which scope each method of the enrichment service needs, and where its workspace is named."""

from typing import Final

from servicekit.access import AccessTable, Rule

_FILTER: Final = ("filter.workspaces", "filter.accounts", "filter.enrichments")

ACCESS: Final[AccessTable] = {
    "enrichment.v1.AccountService/ConnectAccount": Rule(scope="accounts.manage", names=("parent",)),
    "enrichment.v1.AccountService/GetAccount": Rule(scope="accounts.read", names=("name",)),
    "enrichment.v1.AccountService/ListAccounts": Rule(scope="accounts.read", names=("parent",)),
    "enrichment.v1.AccountService/UpdateAccount": Rule(
        scope="accounts.manage", names=("account.name",)
    ),
    "enrichment.v1.AccountService/DisconnectAccount": Rule(
        scope="accounts.manage", names=("name",)
    ),
    "enrichment.v1.AccountService/ReconnectAccount": Rule(scope="accounts.manage", names=("name",)),
    "enrichment.v1.AccountService/DeleteAccount": Rule(scope="accounts.manage", names=("name",)),
    "enrichment.v1.ViewBudgetService/GetViewBudget": Rule(scope="views.read", names=("name",)),
    "enrichment.v1.ViewBudgetService/BatchGetViewBudgets": Rule(
        scope="views.read", names=("parent",), references=("names",)
    ),
    "enrichment.v1.ViewBudgetService/ReserveViews": Rule(scope="views.spend", names=("account",)),
    "enrichment.v1.ViewBudgetService/CommitViews": Rule(scope="views.spend", names=("name",)),
    "enrichment.v1.ViewBudgetService/ReleaseViews": Rule(scope="views.spend", names=("name",)),
    "enrichment.v1.ViewBudgetService/ConsumeViews": Rule(scope="views.spend", names=("account",)),
    "enrichment.v1.EnrichmentService/CreateEnrichment": Rule(
        scope="enrichments.write", names=("parent",), references=("enrichment.account",)
    ),
    "enrichment.v1.EnrichmentService/SubmitProfiles": Rule(
        scope="enrichments.write", names=("name",)
    ),
    "enrichment.v1.EnrichmentService/WithdrawProfiles": Rule(
        scope="enrichments.write", names=("name",), references=("profiles",)
    ),
    "enrichment.v1.EnrichmentService/GetEnrichment": Rule(
        scope="enrichments.read", names=("name",)
    ),
    "enrichment.v1.EnrichmentService/ListEnrichments": Rule(
        scope="enrichments.read", names=("parent",)
    ),
    "enrichment.v1.EnrichmentService/PauseEnrichment": Rule(
        scope="enrichments.write", names=("name",)
    ),
    "enrichment.v1.EnrichmentService/ResumeEnrichment": Rule(
        scope="enrichments.write", names=("name",)
    ),
    "enrichment.v1.EnrichmentService/CancelEnrichment": Rule(
        scope="enrichments.write", names=("name",)
    ),
    "enrichment.v1.EnrichmentService/RetryFailedProfiles": Rule(
        scope="enrichments.write", names=("name",)
    ),
    "enrichment.v1.EnrichmentService/ExplainEnrichment": Rule(
        scope="enrichments.read", names=("name",), references=("profile",)
    ),
    "enrichment.v1.EnrichmentService/BatchGetProfiles": Rule(
        scope="profiles.read", names=("parent",), references=("names", "account")
    ),
    "enrichment.v1.EnrichmentService/EraseProfile": Rule(scope="people.erase", names=("parent",)),
    # A filter without names would be events of all workspaces: a caller of some has to name them.
    "enrichment.v1.EventService/SubscribeEvents": Rule(scope="events.read", names=_FILTER),
    "enrichment.v1.EventService/ListEvents": Rule(scope="events.read", names=_FILTER),
    # Tells the length and the ends of the log, and nothing of what is in it.
    "enrichment.v1.EventService/GetEventLog": Rule(scope="events.read"),
}
