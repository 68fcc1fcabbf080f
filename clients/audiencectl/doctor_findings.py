"""What `audiencectl doctor` finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is. Only a problem makes the exit status 1."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at: what it is, how it is, and what to do about it."""

    level: Level
    subject: str
    found: str
    advice: str = ""


def ok(subject: str, found: str) -> Finding:
    """As it should be."""
    return Finding(level=Level.OK, subject=subject, found=found)


def unknown(subject: str, found: str, advice: str = "") -> Finding:
    """It could not be seen."""
    return Finding(level=Level.UNKNOWN, subject=subject, found=found, advice=advice)


def warning(subject: str, found: str, advice: str) -> Finding:
    """It works, and somebody should look."""
    return Finding(level=Level.WARNING, subject=subject, found=found, advice=advice)


def problem(subject: str, found: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(level=Level.PROBLEM, subject=subject, found=found, advice=advice)
