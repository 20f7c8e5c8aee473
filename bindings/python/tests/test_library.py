"""Finding the shared library, and refusing a wrong one."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Dict

import apcsmart
import pytest


def run(tmp_path: Path, variables: Dict[str, str], program: str = "import apcsmart; apcsmart.Session()") -> str:
    """Runs a program with a copy of the package that carries no library; gives what it says when it fails."""
    package = Path(apcsmart.__file__).parent
    copy = tmp_path / "apcsmart"
    copy.mkdir(exist_ok=True)
    for source in package.glob("*.py"):
        (copy / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "APCSMART_LIBRARY"}
    environment.update(variables, PYTHONPATH=str(tmp_path), PYTHONWARNINGS="ignore")
    finished = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    return finished.stdout + finished.stderr if finished.returncode else "ok " + finished.stdout


def test_a_missing_library_is_told_with_what_to_do(tmp_path: Path) -> None:
    said = run(tmp_path, {"APCSMART_LIBRARY": "/nowhere/libapcsmart.so.0"})
    assert "apcsmart.errors.LibraryError: the library libapcsmart.so.0 can not be loaded" in said
    assert "cargo xtask install" in said
    assert "APCSMART_LIBRARY" in said
    assert "/nowhere/libapcsmart.so.0" in said


def test_another_library_is_refused(tmp_path: Path) -> None:
    said = run(tmp_path, {"APCSMART_LIBRARY": "libc.so.6"})
    assert "libc.so.6 is a library, but not libapcsmart" in said


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """A library with the right names and a later interface."""
    source, library = tmp_path / "later.c", tmp_path / "later.so"
    source.write_text("unsigned apcsmart_abi_version(void) { return 7; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


def test_a_library_with_another_interface_is_refused(tmp_path: Path, compiled: Path) -> None:
    said = run(tmp_path, {"APCSMART_LIBRARY": str(compiled)})
    assert f"{compiled} has the interface 7, and this package needs 0" in said


def test_an_older_library_with_the_same_interface_is_refused_by_the_function_it_lacks(tmp_path: Path) -> None:
    source, library = tmp_path / "older.c", tmp_path / "older.so"
    source.write_text("unsigned apcsmart_abi_version(void) { return 0; }\n")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    said = run(tmp_path, {"APCSMART_LIBRARY": str(library)})
    assert "it is older than this package" in said


def test_the_named_library_is_used_when_none_came_with_the_package(tmp_path: Path) -> None:
    program = "import apcsmart; print(apcsmart.library_path(), apcsmart.library_version())"
    said = run(tmp_path, {"APCSMART_LIBRARY": apcsmart.library_path()}, program)
    assert said == f"ok {apcsmart.library_path()} {apcsmart.library_version()}\n"


def test_the_library_that_came_with_the_package_goes_first(tmp_path: Path) -> None:
    run(tmp_path, {})
    bundled = tmp_path / "apcsmart" / "libapcsmart.so.0"
    bundled.write_bytes(Path(apcsmart.library_path()).read_bytes())
    said = run(tmp_path, {"APCSMART_LIBRARY": "/nowhere"}, "import apcsmart; print(apcsmart.library_path())")
    assert said == f"ok {bundled}\n"
