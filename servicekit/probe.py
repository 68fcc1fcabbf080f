"""`python -m servicekit.probe HOST:PORT`: status 0 when it serves; for container health checks."""

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_SECONDS = 3.0


def serves(address: str) -> bool:
    """SERVING, from the health check of the server as a whole."""
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=_SECONDS
            )
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m servicekit.probe HOST:PORT")
    sys.exit(0 if serves(sys.argv[1]) else 1)
