"""Finding and loading ``libapcsmart``.

Invariant: no function of the library is called before its interface was found to be the one that this package was
written for. The library is never unloaded.
"""

import ctypes
import os
import threading
from pathlib import Path
from typing import Any, List, Optional, Tuple

from . import _prototypes
from ._prototypes import ABI_VERSION, FUNCTIONS
from .errors import LibraryError

SONAME = f"libapcsmart.so.{ABI_VERSION}"
"""The library's name in the system, and inside a wheel."""

VARIABLE = "APCSMART_LIBRARY"
"""The variable of the environment that names a library to use."""

_loading = threading.Lock()
_loaded: "Optional[ctypes.CDLL]" = None
_path = ""


def library() -> ctypes.CDLL:
    """The library; loads it when this is the first call."""
    global _loaded, _path
    with _loading:
        if _loaded is None:
            _loaded, _path = _load()
        return _loaded


def library_version() -> str:
    """The version of the library in use, such as ``"0.1.0"``."""
    version: bytes = library().apcsmart_version()
    return version.decode()


def library_path() -> str:
    """Where the library in use was found: a path, or the name that the system found it by."""
    library()
    return _path


def result_text(code: int) -> str:
    """What a result means, in the library's words."""
    text: bytes = library().apcsmart_result_text(code)
    return text.decode()


def call(name: str, *arguments: Any) -> Any:
    """Calls a function of the library by the name that the header gives it."""
    return getattr(library(), name)(*arguments)


def _load() -> Tuple[ctypes.CDLL, str]:
    tried: List[str] = []
    for path in _candidates():
        try:
            loaded = ctypes.CDLL(path)
        except OSError as error:
            tried.append(f"  {path}: {error}")
            continue
        _check(loaded, path)
        return loaded, path
    raise LibraryError(
        f"the library {SONAME} can not be loaded. Install it (`cargo xtask install` in OpenNMC's source tree, or your "
        f"system's package), or set {VARIABLE} to its path. Tried:\n" + "\n".join(tried)
    )


def _candidates() -> List[str]:
    """In this order: what came with the package, what the environment names, what the system has."""
    bundled = Path(__file__).with_name(SONAME)
    if bundled.exists():
        return [str(bundled)]
    named = os.environ.get(VARIABLE)
    return [named] if named else [SONAME]


def _check(loaded: ctypes.CDLL, path: str) -> None:
    """Refuses a library with another interface; declares the functions of a right one."""
    try:
        abi_version = loaded.apcsmart_abi_version
    except AttributeError:
        raise LibraryError(f"{path} is a library, but not libapcsmart") from None
    abi_version.restype, abi_version.argtypes = _prototypes.FUNCTIONS["apcsmart_abi_version"]
    found: int = abi_version()
    if found != ABI_VERSION:
        raise LibraryError(
            f"{path} has the interface {found}, and this package needs {ABI_VERSION}: install the Python package and "
            "the library of the same version"
        )
    for name, (result, arguments) in FUNCTIONS.items():
        try:
            function = getattr(loaded, name)
        except AttributeError:
            raise LibraryError(f"{path} has no function {name}: it is older than this package") from None
        function.restype, function.argtypes = result, arguments
