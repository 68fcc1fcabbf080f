"""Names of what lies in a stack's data directory."""

from pathlib import Path
from typing import Final

DEFAULT_DATA_DIR: Final = Path(".data")
ADDRESSES_FILE: Final = "addresses.json"
"""Where the running stack answers; gone when it has ended."""
CLOCK_FILE: Final = "clock"
"""The stepped clock, in a directory that has one."""
LOCK_FILE: Final = "stack.lock"
"""Held by the process of the stack; its text is the process id."""
