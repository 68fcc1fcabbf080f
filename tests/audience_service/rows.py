"""Rows as the first version of the tables had them."""

from collections.abc import Mapping

AUDIENCE: Mapping[str, object] = {
    "workspace": "acme",
    "id": "leads",
    "display_name": "Leads",
    "description": "",
    "account": "",
    **dict.fromkeys(("members", "pending", "enriched", "cached", "partial", "failed"), 0),
    "last_seq": 1,
    "submitted_seq": 0,
    "enrichment_id": "",
    **dict.fromkeys(
        ("enrichment_wanted", "enrichment_created", "enrichment_paused", "pause_applied"), False
    ),
    "revision": 1,
    "create_ms": 1,
    "update_ms": 1,
}
PROSPECT: Mapping[str, object] = {
    "workspace": "acme",
    "id": "p0000001",
    "primary_alias": "in:ada",
    "member_id": "",
    "provider_id": "",
    "first_name": "ADA",
    **dict.fromkeys(("last_name", "headline", "company", "title", "location", "picture_url"), ""),
    "provenance": "{}",
    "revision": 1,
    "create_ms": 1,
    "update_ms": 1,
}
MEMBERSHIP: Mapping[str, object] = {
    "workspace": "acme",
    "audience": "leads",
    "prospect": "p0000001",
    "seq": 1,
    "state": 1,
    "degree": 0,
    "join_ms": 1,
    "last_import": 0,
    "profile": "",
    "event_revision": 0,
}
