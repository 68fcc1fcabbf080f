"""`python -m servicekit.probe HOST:PORT`: status 0 when it serves; for container health checks."""

import argparse
import sys
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_SECONDS = 3.0


def serves(channel: grpc.Channel) -> bool:
    """SERVING, from the health check of the server as a whole. It needs no token."""
    with channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=_SECONDS
            )
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def main() -> None:
    """Looks once; the status tells."""
    parser = argparse.ArgumentParser(prog="python -m servicekit.probe", description=__doc__)
    parser.add_argument("address", metavar="HOST:PORT")
    parser.add_argument("--ca-file", type=Path, help="authorities of the server; turns TLS on")
    parser.add_argument("--cert-file", type=Path, help="own certificate, if the server wants one")
    parser.add_argument("--key-file", type=Path, help="its private key")
    parser.add_argument("--server-name", help="name in the certificate, if it is not HOST")
    options = parser.parse_args()
    if options.ca_file is None:
        channel = grpc.insecure_channel(options.address)
    else:
        key = options.key_file.read_bytes() if options.key_file else None
        chain = options.cert_file.read_bytes() if options.cert_file else None
        name = options.server_name
        channel = grpc.secure_channel(
            options.address,
            grpc.ssl_channel_credentials(options.ca_file.read_bytes(), key, chain),
            options=[("grpc.ssl_target_name_override", name)] if name else None,
        )
    sys.exit(0 if serves(channel) else 1)


if __name__ == "__main__":
    main()
