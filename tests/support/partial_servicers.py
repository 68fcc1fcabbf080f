"""Servicers that lack methods of the contract."""

import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from servicekit.unimplemented import is_missing

P = ParamSpec("P")
ServicerT = TypeVar("ServicerT")


def allow_missing(servicer: Callable[P, ServicerT]) -> Callable[P, ServicerT]:
    """Says that a servicer class lacks methods on purpose: ``allow_missing(AccountServicer)(…)``.

    The stubs of the generated classes are abstract, so the type checker refuses it otherwise.
    """
    return servicer


def missing_methods(servicer: object) -> list[str]:
    """The methods that the servicer does not override, as "AccountService.DeleteAccount"."""
    missing: list[str] = []
    for base in type(servicer).__mro__:
        if not base.__module__.endswith("_pb2_grpc"):
            continue
        service = base.__name__.removesuffix("Servicer")
        missing += [
            f"{service}.{name}"
            for name, stub in vars(base).items()
            if inspect.isfunction(stub) and is_missing(getattr(servicer, name))
        ]
    return sorted(missing)
