"""A real `apcsmart-sim` process, and what its control socket can do to the UPS.

Invariant: every test has a UPS of its own. Nothing here sleeps to be in step with the process: it waits for what the
process says, or asks again until a generous deadline.
"""

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Callable, Dict, List

PROGRAM = "APCSMART_SIM"
"""The variable of the environment with the simulator's path."""

DEADLINE = 30.0
"""Seconds; a busy machine may be slow, a broken program never answers."""


def program() -> str:
    """Where the simulator is. A test can not go on without it."""
    path = os.environ.get(PROGRAM, "")
    if not path or not os.access(path, os.X_OK):
        raise RuntimeError(
            f"{PROGRAM} must name the program apcsmart-sim, and is {path!r}: `cargo build --package libapcsmart` makes "
            "target/debug/apcsmart-sim; `cargo xtask python` does everything"
        )
    return path


class SimulatedUps:
    """A simulated UPS on a pseudo terminal and on TCP."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.path = str(folder / "ups")
        self._control = str(folder / "control")
        command = [program(), "--pty", self.path, "--tcp", "127.0.0.1:0", "--control", self._control, *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ready = self._process.stdout.readline().split()
        assert ready[:1] == ["ready"], f"the simulator said {ready}"
        said: Dict[str, str] = dict(word.split("=", 1) for word in ready[1:])
        self.tcp = f"tcp://{said['tcp']}"

    def control(self, line: str) -> List[str]:
        """Steers the UPS, as `apcsmart-sim`'s control language says; gives what it answers."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(DEADLINE)
            connection.connect(self._control)
            connection.sendall(line.encode() + b"\n")
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while True:
                piece = connection.recv(4096)
                if not piece:
                    break
                answer += piece
        assert not answer.startswith(b"error"), f"{line}: {answer!r}"
        return answer.decode().splitlines()

    def stop(self) -> None:
        """Ends the process. Ending it again does nothing."""
        self._process.terminate()
        self._process.wait(DEADLINE)
        if self._process.stdout is not None:
            self._process.stdout.close()


def until(condition: Callable[[], bool], what: str) -> None:
    """Asks until it is true."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited {DEADLINE} s for {what}"
        time.sleep(0.01)
