"""Methods of the contract that a servicer does not have yet: they answer UNIMPLEMENTED."""

import inspect
from collections.abc import Callable


def is_missing(behaviour: Callable[..., object]) -> bool:
    """Whether a bound servicer method is still the stub of the generated class."""
    module: str = inspect.unwrap(behaviour).__module__
    return module.endswith("_pb2_grpc")
