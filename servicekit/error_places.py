"""What may be told of an exception: types and places. Its text may quote a person's data."""

import traceback

_LONGEST_CHAIN = 5
_FRAMES = 20


def types_of(error: BaseException) -> list[str]:
    """Names of the types of the error and of what caused it, the nearest first."""
    return [type(link).__qualname__ for link in _chain(error)]


def places_of(error: BaseException) -> list[str]:
    """Where each of them came by, the innermost frame last: file, line and function."""
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for link in _chain(error)
        for frame in traceback.extract_tb(link.__traceback__, limit=-_FRAMES)
    ]


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and len(chain) < _LONGEST_CHAIN:
        chain.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return chain
