"""What the tests share: a simulated UPS for each of them."""

import signal
from pathlib import Path
from typing import Callable, Iterator, List

import pytest
from simulated import SimulatedUps

Start = Callable[..., SimulatedUps]

# A shell starts its background jobs with SIGINT ignored, and Python leaves it so: Ctrl-C would never become
# KeyboardInterrupt, here or in the programs that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts simulated UPSes with options of their own."""
    running: List[SimulatedUps] = []

    def another(*options: str) -> SimulatedUps:
        folder = tmp_path / f"ups{len(running)}"
        folder.mkdir()
        running.append(SimulatedUps(folder, *options))
        return running[-1]

    yield another
    for ups in running:
        ups.stop()


@pytest.fixture
def simulated(start: Start) -> SimulatedUps:
    """A simulated Smart-UPS 1500."""
    return start()
