"""Made-up people and secrets that are unlike anything else, planted wherever a text can be put."""

import asyncio
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import grpc
from audience.v1 import audience_counts_pb2, audiences_pb2, prospects_pb2, suppressions_pb2
from enrichment.v1 import accounts_pb2, enrichments_pb2, events_pb2, view_budgets_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor

from clients.audiencectl.stack import SIMULATOR_KEY
from clients.credentials import Credentials
from tests.end_to_end.job import Job

MARK = "zq7h3k"
"""In every canary, in small letters or capitals."""
VANITY = f"{MARK}-vanity"
URL = f"https://www.linkedin.com/in/{VANITY}"
PROVIDER_ID = f"ACoAA{MARK}Provider".ljust(39, "x")
NAME = f"{MARK.title()} Canaria"
EDITED = f"{MARK} edited headline"
PROVIDER_ACCOUNT = f"{MARK}-provider-account"
WEBHOOK_SECRET = f"{MARK}-webhook-secret"
LINKEDIN_TOKEN = f"{MARK}-linkedin-token"
FORGED_TOKEN = f"{MARK}forged.{MARK}.{MARK}"

_FILE = f"""First Name,Last Name,URL,Email Address,Company,Position,Connected On
{NAME},{MARK},{URL},{MARK}@example.com,{MARK} Ltd,{MARK} Officer,01 Jan 2024
{NAME},,https://evil.example/in/{VANITY},,,,
{NAME},{MARK},{URL}-second,,,,
"""
_METHODS = [
    method
    for module in (
        audience_counts_pb2,
        audiences_pb2,
        prospects_pb2,
        suppressions_pb2,
        accounts_pb2,
        enrichments_pb2,
        events_pb2,
        view_budgets_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if not method.client_streaming
]


def write_file(folder: Path) -> Path:
    """A file of connections to import."""
    file = folder / "connections.csv"
    file.write_text(_FILE)
    return file


def secrets_of(data_dir: Path) -> set[str]:
    """What the stack keeps to itself: keys, tokens, and the key of the provider."""
    texts = {SIMULATOR_KEY}
    for file in [*data_dir.glob("*erasure-key"), *(data_dir / "security").iterdir()]:
        if file.suffix in (".token", ".key") or file.name.endswith("erasure-key"):
            lines = file.read_text().split("\n")
            # Of a key in PEM the lines between; they are the same in many keys only at first.
            texts |= {line for line in lines if len(line) > 20 and "-----" not in line}
    return texts


async def call_everything(
    job: Job, credentials: Credentials, *, names: dict[str, str]
) -> list[str]:
    """Every method with a canary in every text; whatever the answers say on failing.

    ``names`` are fields that get a true value instead, so that the others are looked at, too.
    """
    token = credentials.token_file.read_text().strip() if credentials.token_file else ""
    said: list[str] = []
    addresses = {"audience": job.stack.audience, "enrichment": job.stack.enrichment}
    for package, address in addresses.items():
        tls = credentials.channel_credentials()
        assert tls is not None
        async with grpc.aio.secure_channel(address, tls) as channel:
            for method in _METHODS:
                if method.full_name.startswith(package):
                    said += [
                        await _call(channel, method, names=names, bearer=bearer)
                        for bearer in (token, FORGED_TOKEN)
                    ]
    return [text for text in said if text]


async def knock_at_the_webhook(job: Job) -> list[str]:
    """What it says to somebody who knows the secret, and to somebody who does not."""
    log = (job.stack.data_dir / "logs" / "enrichment.log").read_text()
    lines = [json.loads(line) for line in log.splitlines() if '"webhook_ready"' in line]
    url = f"https://{lines[-1]['address']}{lines[-1]['path']}"
    known = {"AccountStatus": {"account_id": PROVIDER_ACCOUNT, "message": "OK"}}
    unknown = {"AccountStatus": {"account_id": f"{MARK}-nobody", "message": "OK"}}
    odd = {"AccountStatus": {"account_id": MARK, "message": MARK}, MARK: MARK}
    bodies = [*(json.dumps(body) for body in (known, unknown, odd, {MARK: NAME})), NAME]
    return [
        await asyncio.to_thread(_post, url, body.encode(), secret)
        for secret in (WEBHOOK_SECRET, FORGED_TOKEN)
        for body in bodies
    ]


def _post(url: str, body: bytes, secret: str) -> str:
    context = ssl._create_unverified_context()
    request = urllib.request.Request(url, data=body, headers={"Unipile-Auth": secret})
    try:
        urllib.request.urlopen(request, context=context, timeout=10).close()
    except urllib.error.HTTPError as error:
        return error.read().decode()
    return ""


async def _call(
    channel: grpc.aio.Channel, method: MethodDescriptor, *, names: dict[str, str], bearer: str
) -> str:
    request = _filled(method.input_type, names, depth=4)
    path = f"/{method.containing_service.full_name}/{method.name}"
    kind: Any = channel.unary_stream if method.server_streaming else channel.unary_unary
    metadata = (("authorization", f"Bearer {bearer}"), ("linkedin-token", LINKEDIN_TOKEN))
    call = kind(path, request_serializer=lambda message: message.SerializeToString())(
        request, metadata=metadata, timeout=2
    )
    try:
        if method.server_streaming:
            while await call.read() is not grpc.aio.EOF:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        trailers = list(error.trailing_metadata() or ())
        return f"{path}: {error.code().name} {error.details()} {trailers}"
    return ""


# Fields are known by the descriptor only.
def _filled(of: Any, names: dict[str, str], *, depth: int) -> Any:
    message: Any = message_factory.GetMessageClass(of)()
    if of.full_name == "google.protobuf.FieldMask":
        message.paths.append("no_such_field")
        return message
    if of.full_name.startswith("google.protobuf."):
        return message
    chosen: set[str] = set()
    for field in of.fields:
        one_of = field.containing_oneof
        if one_of is not None and one_of.name in chosen:
            continue
        if one_of is not None:
            chosen.add(one_of.name)
        _fill(message, field, names, depth=depth)
    return message


# A field holds what its type says, which no stub knows.
def _fill(message: Any, field: FieldDescriptor, names: dict[str, str], *, depth: int) -> None:
    value: Any
    if field.type == FieldDescriptor.TYPE_STRING:
        value = names.get(field.name, URL)
    elif field.type == FieldDescriptor.TYPE_BYTES:
        value = URL.encode()
    elif field.type == FieldDescriptor.TYPE_ENUM:
        value = 1
    elif field.type == FieldDescriptor.TYPE_BOOL:
        value = False
    elif field.type == FieldDescriptor.TYPE_MESSAGE:
        of: Any = field.message_type
        if depth == 0 or of.GetOptions().map_entry:
            return
        inner = _filled(of, names, depth=depth - 1)
        if field.is_repeated:
            getattr(message, field.name).append(inner)
        else:
            getattr(message, field.name).CopyFrom(inner)
        return
    else:
        value = 1
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)
