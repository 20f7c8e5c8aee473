"""The guide's and the README's examples, each run as a program against a simulated UPS.

A comment ``<!-- meanwhile: LINE -->`` before an example is a line for the simulator's control socket, sent when the
example has printed its first line. A ``text`` block behind an example is what it prints; ``…`` stands for anything.
"""

import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import List, NamedTuple, Optional

import pytest
from simulated import DEADLINE, SimulatedUps

PROJECT = Path(__file__).resolve().parents[1]
PAGES = [PROJECT.parents[1] / "docs" / "python-guide.md", PROJECT / "README.md"]

EXAMPLE = re.compile(
    r"(?:<!-- meanwhile: (?P<meanwhile>[^\n]*) -->\n)?```python\n(?P<code>.*?)```(?:\n\n```text\n(?P<prints>.*?)```)?",
    re.DOTALL,
)


class Example(NamedTuple):
    """An example, and where it stands."""

    place: str
    code: str
    meanwhile: Optional[str]
    prints: Optional[str]


def examples() -> List[Example]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in EXAMPLE.finditer(text):
            line = text.count("\n", 0, match.start("code")) + 1
            found.append(Example(f"{page.name}:{line}", match["code"], match["meanwhile"], match["prints"]))
    return found


def for_the_simulator(code: str, simulated: SimulatedUps) -> str:
    """The example with the simulator's addresses instead of those that a reader has."""
    host, _, port = simulated.tcp.replace("tcp://", "").rpartition(":")
    return code.replace('"/dev/ttyS0"', repr(simulated.path)).replace('("serial-server", 4001)', f'("{host}", {port})')


def is_as_shown(printed: str, shown: str) -> bool:
    """Whether a text is what the guide shows. A line that is only ``…`` stands for any lines, or none."""
    pattern = re.escape(shown.strip()).replace("…\\\n", "…\n").replace("\\…", "…")
    pattern = pattern.replace("\\\n", "\n").replace("…\n", "…").replace("…", "(?:.|\n)*")
    return re.fullmatch(pattern, printed.strip()) is not None


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.place)
def test_an_example_runs_and_prints_what_the_page_shows(example: Example, simulated: SimulatedUps) -> None:
    program = for_the_simulator(example.code, simulated)
    command = [sys.executable, "-u", "-X", "dev", "-W", "error", "-c", program]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    watchdog = threading.Timer(DEADLINE, running.kill)
    with running:
        watchdog.start()
        try:
            assert running.stdout is not None
            printed = running.stdout.readline()
            if example.meanwhile is not None:
                simulated.control(example.meanwhile)
            printed += running.stdout.read()
        finally:
            watchdog.cancel()
            running.kill()
    assert running.returncode == 0, printed
    if example.prints is not None:
        assert is_as_shown(printed, example.prints), printed


def test_a_page_that_shows_something_else_is_found() -> None:
    assert is_as_shown("a\nb\nc\n", "a\n…\nc")
    assert is_as_shown("a b c", "a … c")
    assert not is_as_shown("a\nb\n", "a\nc")
    assert not is_as_shown("", "a")


def test_the_guide_has_examples() -> None:
    assert len(examples()) >= 10
