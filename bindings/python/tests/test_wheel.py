"""The wheel: what is in it, and that it works in an environment that has nothing else."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any, List

import pytest
from simulated import SimulatedUps

PROJECT = Path(__file__).resolve().parents[1]
# What builds the package is there already: the tests need no network.
BUILD = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation"]


def run(command: List[str], **options: Any) -> str:
    finished = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    said: str = finished.stdout
    assert finished.returncode == 0, f"{' '.join(command)}:\n{said}"
    return said


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `pip install` builds it: with cargo, from the source tree."""
    folder = tmp_path_factory.mktemp("wheels")
    without = {name: value for name, value in os.environ.items() if name != "APCSMART_LIBRARY"}
    run([*BUILD, "--wheel-dir", str(folder), str(PROJECT)], env=without)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_has_the_library_the_types_and_nothing_that_is_not_the_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "apcsmart/libapcsmart.so.0" in names
    assert "apcsmart/py.typed" in names
    sources = {f"apcsmart/{source.name}" for source in (PROJECT / "src" / "apcsmart").glob("*.py")}
    expected = sources | {"apcsmart/libapcsmart.so.0", "apcsmart/py.typed"}
    assert {name for name in names if ".dist-info/" not in name} == expected


def test_the_wheel_is_for_this_machine_and_for_every_python(wheel: Path) -> None:
    machine = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert wheel.name.endswith(f"-py3-none-{machine}.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/WHEEL")]
        assert "Root-Is-Purelib: false" in archive.read(name).decode()


def test_the_wheel_reads_a_ups_in_a_fresh_environment(wheel: Path, simulated: SimulatedUps, tmp_path: Path) -> None:
    fresh = tmp_path / "environment"
    run([sys.executable, "-m", "venv", str(fresh)])
    python = str(fresh / "bin" / "python")
    run([python, "-m", "pip", "--disable-pip-version-check", "install", "--no-index", str(wheel)])
    program = (
        "import sys, apcsmart\n"
        "with apcsmart.Port.open(sys.argv[1]) as port:\n"
        "    print(apcsmart.library_path(), port['ups.model'], port['battery.charge'], sep='|')\n"
    )
    bare = {"PATH": os.environ["PATH"]}
    said = run([python, "-I", "-c", program, simulated.path], cwd=tmp_path, env=bare)
    path, model, charge = said.strip().split("|")
    assert path.startswith(str(fresh))
    assert path.endswith("/apcsmart/libapcsmart.so.0")
    assert (model, charge) == ("SMART-UPS 1500", "100.0")


def test_a_library_that_is_named_goes_into_the_wheel_instead(tmp_path: Path) -> None:
    named = tmp_path / "mine.so"
    named.write_bytes(b"not built by cargo")
    environment = {**os.environ, "APCSMART_LIBRARY": str(named)}
    run([*BUILD, "--wheel-dir", str(tmp_path), str(PROJECT)], env=environment)
    (built,) = tmp_path.glob("*.whl")
    assert zipfile.ZipFile(built).read("apcsmart/libapcsmart.so.0") == b"not built by cargo"
