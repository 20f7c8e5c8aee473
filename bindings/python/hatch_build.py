"""What hatchling does beyond copying files: the version, and the shared library inside the wheel.

Invariant: a wheel with a library is tagged for the machine that the library is for, and for no Python version, since
ctypes needs none. Where the library comes from, in this order: ``APCSMART_LIBRARY`` names one; cargo builds one, when
this folder lies in OpenNMC's source tree; the system has one, which is then left where it is.
"""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any, Dict, List, Optional

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

SONAME = "libapcsmart.so.0"
PACKAGE = "src/apcsmart"

# The library as `cargo xtask install` makes it, so that neither has to build again what the other one built.
CARGO = [
    "rustc",
    "--package",
    "libapcsmart",
    "--lib",
    "--no-default-features",
    "--features",
    "capi",
    "--locked",
    "--crate-type",
    "cdylib,staticlib",
    "--release",
    "--message-format",
    "json-render-diagnostics",
    "--",
    "-C",
    f"link-arg=-Wl,-soname,{SONAME}",
]


class Version(MetadataHookInterface):
    """The version is that of the source tree; a source package carries it along."""

    def update(self, metadata: Dict[str, Any]) -> None:
        """Puts the version in."""
        metadata["version"] = _version(Path(self.root))


class Library(BuildHookInterface[Any]):
    """The shared library inside the wheel."""

    def initialize(self, version: str, build_data: Dict[str, Any]) -> None:
        """Puts the library in, before the wheel is written."""
        if self.target_name != "wheel":
            return
        library = self._library()
        if library is None:
            self.app.display_info(f"this wheel is without a library: it uses the system's {SONAME}")
            return
        if version == "editable":
            shutil.copy2(library, Path(self.root, PACKAGE, SONAME))
            return
        build_data["force_include"][str(library)] = f"apcsmart/{SONAME}"
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform()}"

    def _library(self) -> Optional[Path]:
        """The library to put in; ``None`` when the system's is to be used."""
        named = os.environ.get("APCSMART_LIBRARY")
        if named:
            path = Path(named).resolve()
            if not path.is_file():
                raise FileNotFoundError(f"APCSMART_LIBRARY names {named}, which is no file")
            return path
        tree, cargo = _source_tree(Path(self.root)), shutil.which("cargo")
        if tree is not None and cargo is not None:
            self.app.display_waiting("building libapcsmart with cargo")
            return _build(tree, cargo)
        try:
            ctypes.CDLL(SONAME)
        except OSError:
            raise RuntimeError(
                f"there is no {SONAME} to use: run this in OpenNMC's source tree with cargo (https://rustup.rs), install "
                "the library in the system, or set APCSMART_LIBRARY to its path"
            ) from None
        return None


def _build(tree: Path, cargo: str) -> Path:
    """Builds the library; cargo says where it is."""
    finished = subprocess.run([cargo, *CARGO], cwd=tree, stdout=subprocess.PIPE, check=True)
    made: List[str] = []
    for line in finished.stdout.splitlines():
        message = json.loads(line)
        if message.get("reason") == "compiler-artifact" and message["target"]["name"] == "apcsmart":
            made.extend(name for name in message["filenames"] if name.endswith(".so"))
    if not made:
        raise RuntimeError("cargo built libapcsmart, but told of no shared library")
    return Path(made[-1])


def _source_tree(root: Path) -> Optional[Path]:
    """OpenNMC's source tree, when this folder is in it."""
    tree = root.resolve().parent.parent
    return tree if (tree / "libapcsmart" / "Cargo.toml").is_file() else None


def _version(root: Path) -> str:
    """The version of the workspace; in a source package, that of the package."""
    tree = _source_tree(root)
    if tree is not None:
        # There is no parser of TOML in Python 3.9.
        text = (tree / "Cargo.toml").read_text(encoding="utf-8")
        found = re.search(r'^\[workspace\.package\][^\[]*?^version = "([^"]+)"', text, re.MULTILINE | re.DOTALL)
    else:
        found = re.search(r"^Version: (\S+)$", (root / "PKG-INFO").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise RuntimeError("the version of the source tree was not found")
    return found.group(1)


def _platform() -> str:
    """The machine as wheels name it."""
    return re.sub(r"[-.]", "_", sysconfig.get_platform())
