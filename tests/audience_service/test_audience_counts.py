"""Audience counts against the simulated Marketing API."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import httpx
import pytest
from audience.v1 import audience_counts_pb2, audience_counts_pb2_grpc

from audience_service.access import ACCESS
from audience_service.convert_counts import from_proto_criteria
from audience_service.counts import AudienceCounts
from audience_service.linkedin_ads import LinkedInAdsApi
from audience_service.servicers.audience_counts import AudienceCountServicer
from clients.audience import AudienceClient
from clients.errors import RpcFailed
from servicekit.clock import SteppedClock
from servicekit.errors import ServiceError
from servicekit.server import start_server
from servicekit.services import Service
from servicekit.settings import ServerSettings
from tests.support.simulator_process import SimulatorProcess

FACET = "urn:li:adTargetingFacet:"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with SimulatorProcess(tmp_path_factory.mktemp("simulator")) as simulator:
        yield simulator


@pytest.fixture
async def client(address: str) -> AsyncIterator[AudienceClient]:
    async with AudienceClient(address) as client:
        yield client


@pytest.fixture
async def address(simulator: SimulatorProcess, clock: SteppedClock) -> AsyncIterator[str]:
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient())
        counts = AudienceCounts(
            ads=LinkedInAdsApi(http, url=simulator.url, version="202607"), clock=clock
        )
        stack.push_async_callback(counts.close)
        server = await start_server(
            services=[
                Service(
                    audience_counts_pb2_grpc.add_AudienceCountServiceServicer_to_server,
                    AudienceCountServicer(counts=counts),
                )
            ],
            access=ACCESS,
            settings=ServerSettings(drain_grace_seconds=0.5),
        )
        stack.push_async_callback(server.stop)
        yield server.address


def criteria(*skills: str, exclude: str = "") -> audience_counts_pb2.TargetingCriteria:
    facet = audience_counts_pb2.TargetingFacet
    return audience_counts_pb2.TargetingCriteria(
        include=[
            audience_counts_pb2.TargetingClause(
                any_of=[facet(facet=f"{FACET}locations", values=["urn:li:countryGroup:NA"])]
            ),
            audience_counts_pb2.TargetingClause(
                any_of=[facet(facet=f"{FACET}skills", values=skills)]
            ),
        ],
        exclude=[facet(facet=f"{FACET}seniorities", values=[exclude])] if exclude else [],
    )


async def count(
    client: AudienceClient, wanted: audience_counts_pb2.TargetingCriteria, token: str
) -> audience_counts_pb2.GetAudienceCountResponse:
    return await client.counts.GetAudienceCount(
        audience_counts_pb2.GetAudienceCountRequest(criteria=wanted),
        metadata=(("linkedin-token", token),) if token else (),
    )


def calls(simulator: SimulatorProcess) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{simulator.url}/_sim/count_calls") as answer:
        found: list[dict[str, Any]] = json.load(answer)["calls"]
    return found


async def test_the_seeds_sample_is_asked_byte_for_byte(
    client: AudienceClient, simulator: SimulatorProcess
) -> None:
    answer = await count(client, criteria("urn:li:skill:17"), "good-sample")
    assert answer.total >= 300
    assert (answer.below_minimum, answer.meets_minimum) == (False, True)
    asked = calls(simulator)[-1]
    assert asked["query"] == (
        "q=targetingCriteriaV2&targetingCriteria=(include:(and:List((or:("
        "urn%3Ali%3AadTargetingFacet%3Alocations:List(urn%3Ali%3AcountryGroup%3ANA))),(or:("
        "urn%3Ali%3AadTargetingFacet%3Askills:List(urn%3Ali%3Askill%3A17))))))"
    )
    assert not asked["tunnelled"]


async def test_a_long_question_is_tunnelled_and_gets_the_same_kind_of_answer(
    client: AudienceClient, simulator: SimulatorProcess
) -> None:
    skills = [f"urn:li:skill:{number}" for number in range(400)]
    answer = await count(client, criteria(*skills), "good-long")
    assert answer.total > 0
    assert calls(simulator)[-1]["tunnelled"]


async def test_equal_questions_share_one_call_per_token(
    client: AudienceClient, simulator: SimulatorProcess
) -> None:
    before = len(calls(simulator))
    wanted = criteria("urn:li:skill:99")
    answers = await asyncio.gather(*(count(client, wanted, "slow-shared") for _ in range(20)))
    assert len({answer.total for answer in answers}) == 1
    await count(client, wanted, "slow-shared")
    assert len(calls(simulator)) == before + 1
    await count(client, wanted, "good-other")
    assert len(calls(simulator)) == before + 2


@pytest.mark.parametrize(
    ("token", "code", "reason"),
    [
        ("", grpc.StatusCode.UNAUTHENTICATED, "LINKEDIN_TOKEN_MISSING"),
        ("invalid", grpc.StatusCode.UNAUTHENTICATED, "LINKEDIN_TOKEN_INVALID"),
        ("revoked", grpc.StatusCode.UNAUTHENTICATED, "LINKEDIN_TOKEN_REVOKED"),
        ("expired", grpc.StatusCode.UNAUTHENTICATED, "LINKEDIN_TOKEN_EXPIRED"),
        ("restricted", grpc.StatusCode.PERMISSION_DENIED, "LINKEDIN_MEMBER_RESTRICTED"),
        ("denied", grpc.StatusCode.PERMISSION_DENIED, "LINKEDIN_ACCESS_DENIED"),
        ("broken", grpc.StatusCode.UNAVAILABLE, "LINKEDIN_UNAVAILABLE"),
    ],
)
async def test_every_refusal_has_a_reason(
    address: str, token: str, code: grpc.StatusCode, reason: str
) -> None:
    # A bare channel: the client's own would repeat what is UNAVAILABLE.
    async with grpc.aio.insecure_channel(address) as channel:
        stub = audience_counts_pb2_grpc.AudienceCountServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetAudienceCount(
                audience_counts_pb2.GetAudienceCountRequest(criteria=criteria("urn:li:skill:17")),
                metadata=(("linkedin-token", token),) if token else (),
            )
    assert refused.value.code() is code
    assert RpcFailed(refused.value).reason == reason


async def test_an_exhausted_quota_ends_all_calls_until_midnight(
    client: AudienceClient, simulator: SimulatorProcess, clock: SteppedClock
) -> None:
    wanted = criteria("urn:li:skill:17")
    with pytest.raises(RpcFailed) as refused:
        await count(client, wanted, "throttled")
    asked = len(calls(simulator))
    for token in ("throttled", "good-another"):
        with pytest.raises(RpcFailed) as refused:
            await count(client, wanted, token)
        assert refused.value.reason == "LINKEDIN_QUOTA_EXHAUSTED"
        # 09:00 UTC by the stepped clock.
        assert refused.value.retry_after is not None
        assert refused.value.retry_after.total_seconds() == 15 * 3600
    assert len(calls(simulator)) == asked
    clock.advance_by(15 * 3_600_000)
    assert (await count(client, wanted, "good-another")).total > 0


async def test_an_operators_fault_is_told_as_such(
    simulator: SimulatorProcess, clock: SteppedClock
) -> None:
    async with httpx.AsyncClient() as http:
        ads = LinkedInAdsApi(http, url=simulator.url, version="201901")
        counts = AudienceCounts(ads=ads, clock=clock)
        with pytest.raises(ServiceError) as refused:
            await counts.count(from_proto_criteria(criteria("urn:li:skill:1")), token="good")
    assert refused.value.reason == "LINKEDIN_VERSION_UNSUPPORTED"


async def test_faults_are_named_by_the_fields_of_the_contract(client: AudienceClient) -> None:
    wanted = criteria("urn:li:skill: ")
    wanted.exclude.extend([wanted.include[0].any_of[0]] * 2)
    with pytest.raises(RpcFailed) as refused:
        await count(client, wanted, "a-token")
    assert {each.field for each in refused.value.field_violations} == {
        "criteria.include[1].any_of[0].values[0]",
        "criteria.exclude[0].facet",
        "criteria.exclude[1].facet",
    }
    assert ".." not in refused.value.message
