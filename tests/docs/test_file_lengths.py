"""Files of code read in one sitting, as CONTRIBUTING.md says."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST = 300
_SUFFIXES = {".py", ".lua", ".sql"}


def test_no_file_of_code_has_more_than_300_lines() -> None:
    files = [
        path
        for folder in ROOT.iterdir()
        if folder.is_dir() and not folder.name.startswith(".")
        for path in folder.rglob("*")
        if path.suffix in _SUFFIXES and "_pb2" not in path.name
    ]
    assert files
    long = {
        str(path.relative_to(ROOT)): lines
        for path in files
        if (lines := len(path.read_text().split("\n")) - 1) > LONGEST
    }
    assert not long, f"split by subject: {long}"
