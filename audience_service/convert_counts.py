"""Between protobuf and the model: audience counts."""

from collections.abc import Collection

from audience.v1 import audience_counts_pb2

from audience_service.model import AudienceSize
from audience_service.targeting import Clause, Facet, TargetingCriteria


def from_proto_criteria(criteria: audience_counts_pb2.TargetingCriteria) -> TargetingCriteria:
    """Who is to be counted."""
    return TargetingCriteria(
        include=tuple(Clause(_facets(clause.any_of)) for clause in criteria.include),
        exclude=_facets(criteria.exclude),
    )


def to_proto_size(size: AudienceSize) -> audience_counts_pb2.GetAudienceCountResponse:
    """How many there are."""
    return audience_counts_pb2.GetAudienceCountResponse(
        total=size.total,
        active=size.active,
        below_minimum=size.below_minimum,
        meets_minimum=size.meets_minimum,
    )


def _facets(
    facets: Collection[audience_counts_pb2.TargetingFacet],
) -> tuple[Facet, ...]:
    return tuple(Facet(each.facet, tuple(each.values)) for each in facets)
