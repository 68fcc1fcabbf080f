"""Methods of the contract that a servicer does not have yet.

They answer UNIMPLEMENTED with the reason METHOD_NOT_AVAILABLE and their name; ``missing_methods``
lists them, so that a test can see to it that the list only shrinks.
"""

import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
ServicerT = TypeVar("ServicerT")


def allow_missing(servicer: Callable[P, ServicerT]) -> Callable[P, ServicerT]:
    """Says that a servicer class lacks methods on purpose: ``allow_missing(AccountServicer)(…)``.

    The stubs of the generated classes are abstract, so the type checker refuses it otherwise.
    """
    return servicer


def is_missing(behaviour: Callable[..., object]) -> bool:
    """Whether a bound servicer method is still the stub of the generated class."""
    return _is_generated(inspect.unwrap(behaviour).__module__)


def missing_methods(servicer: object) -> list[str]:
    """The methods that the servicer does not override, as "AccountService.DeleteAccount"."""
    missing: list[str] = []
    for base in type(servicer).__mro__:
        if not _is_generated(base.__module__):
            continue
        service = base.__name__.removesuffix("Servicer")
        missing += [
            f"{service}.{name}"
            for name, stub in vars(base).items()
            if inspect.isfunction(stub) and is_missing(getattr(servicer, name))
        ]
    return sorted(missing)


def _is_generated(module: str) -> bool:
    return module.endswith("_pb2_grpc")
