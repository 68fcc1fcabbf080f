"""Typed asyncio clients of both services. They need the contract and gRPC, and nothing else."""
