"""Which scope each method of the audience service needs, and where its workspace is named."""

from typing import Final

from servicekit.access import AccessTable, Rule

ACCESS: Final[AccessTable] = {
    "audience.v1.AudienceService/CreateAudience": Rule(
        scope="audiences.write", names=("parent",), references=("audience.account",)
    ),
    "audience.v1.AudienceService/GetAudience": Rule(scope="audiences.read", names=("name",)),
    "audience.v1.AudienceService/ListAudiences": Rule(scope="audiences.read", names=("parent",)),
    "audience.v1.AudienceService/UpdateAudience": Rule(
        scope="audiences.write", names=("audience.name",), references=("audience.account",)
    ),
    "audience.v1.AudienceService/DeleteAudience": Rule(scope="audiences.write", names=("name",)),
    "audience.v1.AudienceService/UndeleteAudience": Rule(scope="audiences.write", names=("name",)),
    # Named by the first message of the stream, and by no other.
    "audience.v1.AudienceService/ImportProspects": Rule(
        scope="audiences.write", names=("start.audience",)
    ),
    "audience.v1.AudienceService/GetImportReceipt": Rule(
        scope="audiences.read", names=("audience",)
    ),
    "audience.v1.AudienceService/AddProspects": Rule(
        scope="audiences.write", names=("audience",), references=("prospects",)
    ),
    "audience.v1.AudienceService/RemoveProspects": Rule(
        scope="audiences.write", names=("audience",), references=("prospects",)
    ),
    "audience.v1.AudienceService/ListAudienceProspects": Rule(
        scope="prospects.read", names=("audience",)
    ),
    "audience.v1.AudienceService/CombineAudiences": Rule(
        scope="audiences.write", names=("parent",), references=("sources", "audience.account")
    ),
    "audience.v1.AudienceService/StartEnrichment": Rule(scope="audiences.write", names=("name",)),
    "audience.v1.AudienceService/PauseEnrichment": Rule(scope="audiences.write", names=("name",)),
    "audience.v1.AudienceService/ResumeEnrichment": Rule(scope="audiences.write", names=("name",)),
    "audience.v1.AudienceService/StreamProspects": Rule(
        scope="prospects.read", names=("audiences",), references=("excluded_audiences",)
    ),
    "audience.v1.AudienceService/CheckReadiness": Rule(scope="audiences.read", names=("audience",)),
    "audience.v1.AudienceService/ListUnreadyMembers": Rule(
        scope="prospects.read", names=("audience",)
    ),
    "audience.v1.AudienceService/RenderMessages": Rule(
        scope="prospects.read", names=("parent",), references=("prospects", "audience")
    ),
    "audience.v1.ProspectService/GetProspect": Rule(scope="prospects.read", names=("name",)),
    "audience.v1.ProspectService/ListProspects": Rule(scope="prospects.read", names=("parent",)),
    "audience.v1.ProspectService/UpdateProspect": Rule(
        scope="prospects.write", names=("prospect.name",)
    ),
    "audience.v1.ProspectService/EraseProspect": Rule(scope="people.erase", names=("name",)),
    "audience.v1.SuppressionService/SuppressProspects": Rule(
        scope="suppressions.write", names=("parent",), references=("prospects",)
    ),
    "audience.v1.SuppressionService/UnsuppressProspects": Rule(
        scope="suppressions.write", names=("parent",), references=("prospects",)
    ),
    "audience.v1.SuppressionService/ListSuppressions": Rule(
        scope="suppressions.read", names=("parent",)
    ),
    # Counts members of LinkedIn, by the caller's own LinkedIn token; no workspace has part in it.
    "audience.v1.AudienceCountService/GetAudienceCount": Rule(scope="counts.read"),
}
