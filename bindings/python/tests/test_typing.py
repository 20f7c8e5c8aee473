"""The package, its tests and its build hook are typed, strictly."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def test_mypy_finds_nothing_in_its_strict_mode() -> None:
    finished = subprocess.run([sys.executable, "-m", "mypy"], cwd=PROJECT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_a_program_that_is_wrong_about_types_is_found(tmp_path: Path) -> None:
    program = tmp_path / "wrong.py"
    program.write_text(
        "import apcsmart\n"
        'port = apcsmart.Port.open("/dev/ttyS0", timeout="long")\n'
        "charge: list[int] = port['battery.charge']\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", str(program)]
    finished = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert "wrong.py:2: error" in finished.stdout
    assert "wrong.py:3: error" in finished.stdout
