"""The stepped clock: shared by processes, never back."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.clock import SteppedClock, SystemClock, open_clock

ROOT = Path(__file__).parents[2]
START = 1_735_689_600_000

ADVANCE = """
import sys
from pathlib import Path
from servicekit.clock import SteppedClock
clock = SteppedClock(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    clock.advance_by(1)
print(clock.now_ms())
"""


def advance_elsewhere(path: Path, *, steps: int) -> "subprocess.Popen[str]":
    """A process that moves the clock by a millisecond ``steps`` times, then prints its time."""
    command = [sys.executable, "-c", ADVANCE, str(path), str(steps)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_two_processes_share_one_time(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    clock = SteppedClock.create(path, START)
    with advance_elsewhere(path, steps=7) as process:
        output, _ = process.communicate()
    assert int(output) == START + 7
    assert clock.now_ms() == START + 7
    assert path.read_bytes() == (START + 7).to_bytes(8, "little")
    clock.close()


def test_no_step_of_several_processes_is_lost(tmp_path: Path) -> None:
    clock = SteppedClock.create(tmp_path / "clock", START)
    processes = [advance_elsewhere(tmp_path / "clock", steps=2_000) for _ in range(2)]
    seen = [clock.now_ms()]
    while any(process.poll() is None for process in processes):
        seen.append(clock.now_ms())
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    assert seen == sorted(seen)
    assert clock.now_ms() == START + 4_000
    clock.close()


def test_an_existing_clock_is_kept(tmp_path: Path) -> None:
    first = SteppedClock.create(tmp_path / "data" / "clock", START)
    first.advance_by(5)
    second = SteppedClock.create(tmp_path / "data" / "clock", 1)
    assert second.now_ms() == START + 5
    assert [entry.name for entry in (tmp_path / "data").iterdir()] == ["clock"]


def test_many_creators_agree(tmp_path: Path) -> None:
    found: list[int] = []
    barrier = threading.Barrier(8)

    def create(start_ms: int) -> None:
        barrier.wait()
        found.append(SteppedClock.create(tmp_path / "clock", start_ms).now_ms())

    threads = [threading.Thread(target=create, args=(START + i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@given(st.lists(st.integers(0, 2**60), max_size=20))
def test_never_moves_back(tmp_path_factory: pytest.TempPathFactory, targets: list[int]) -> None:
    clock = SteppedClock.create(tmp_path_factory.mktemp("clock") / "clock", START)
    latest = START
    for target in targets:
        latest = max(latest, target)
        assert clock.advance_to(target) == latest
        assert clock.now_ms() == latest
    clock.close()


def test_negative_step_is_refused(tmp_path: Path) -> None:
    clock = SteppedClock.create(tmp_path / "clock", START)
    with pytest.raises(ValueError, match="never moves back"):
        clock.advance_by(-1)


def test_store_follows_a_stepped_clock_and_its_own_otherwise(tmp_path: Path) -> None:
    SteppedClock.create(tmp_path / "clock", START)
    assert open_clock(tmp_path / "clock").store_now() == str(START)
    assert isinstance(open_clock(None), SystemClock)
    assert open_clock(None).store_now() == ""
    assert open_clock(None).now_ms() > START


def test_clock_that_nobody_created_is_missed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_clock(tmp_path / "clock")
