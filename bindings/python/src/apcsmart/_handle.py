"""A handle of the library, owned by one Python object.

Invariant: at most one thread is inside a handle, from before the call until everything that the library lent has been
copied. The library turns away a second *call*; only this file can turn away a thread that would end the life of a text
which another one is still copying.
"""

import ctypes
import threading
import warnings
from contextlib import contextmanager
from typing import Any, Iterator, NoReturn, Optional

from . import _library, _prototypes
from .errors import HandleClosed, HandleInUse, InvalidArgument, Result, error_of


class OwnedHandle:
    """What :class:`~apcsmart.Port` and :class:`~apcsmart.Session` have in common: a handle that is closed once."""

    _kind = ""
    """The name of the kind in the functions' names: ``session`` or ``port``."""
    _free = ""
    """The function that ends it."""
    _address: Optional[int] = None
    _owner_warns = False
    """Whether this is a part of another object, which says when it was forgotten."""

    def _adopt(self, handle: ctypes.c_void_p) -> None:
        """Takes a handle over, which this object frees from now on."""
        self._occupied = threading.Lock()
        # A signal handler may come back to the thread that holds it.
        self._freeing = threading.RLock()
        self._address = handle.value

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._address is None

    @contextmanager
    def _entered(self) -> Iterator[ctypes.c_void_p]:
        """The handle, for this thread alone."""
        if self._address is None:
            raise HandleClosed(f"this {self._kind} was closed")
        if not self._occupied.acquire(blocking=False):
            raise HandleInUse(
                f"another thread is using this {self._kind}: use one thread for each {self._kind}, or a lock around it"
            )
        try:
            # Another thread may have closed it before we got in.
            if self._address is None:
                raise HandleClosed(f"this {self._kind} was closed")
            yield ctypes.c_void_p(self._address)
        finally:
            self._occupied.release()

    def _ask(self, handle: ctypes.c_void_p, function: str, *arguments: Any) -> None:
        """Calls ``apcsmart_KIND_function`` and raises what is not ``OK``. For use inside :meth:`_entered`."""
        self._check(handle, self._code(handle, function, *arguments))

    def _code(self, handle: ctypes.c_void_p, function: str, *arguments: Any) -> int:
        """The same, and gives the result instead of raising."""
        code: int = _library.call(f"apcsmart_{self._kind}_{function}", handle, *arguments)
        return code

    def _check(self, handle: ctypes.c_void_p, code: int) -> None:
        """Raises a result that is not ``OK``, right after the call that gave it."""
        if code != Result.OK:
            raise error_of(code, self._problem(handle, code))

    def _problem(self, handle: ctypes.c_void_p, code: int) -> str:
        """The sentence that belongs to a failure that just happened."""
        return _library.result_text(code)

    def _close_handle(self) -> None:
        if self._address is None:
            return
        with self._entered() as handle, self._freeing:
            self._address = None
            _library.call(self._free, handle)

    @contextmanager
    def _beside(self) -> Iterator[Optional[ctypes.c_void_p]]:
        """The handle, while another thread may be inside but none can free it; ``None`` when it was closed."""
        if self._address is None:
            yield None
            return
        with self._freeing:
            yield None if self._address is None else ctypes.c_void_p(self._address)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"a {self._kind} can not be copied or pickled: it stands for a device")

    def __del__(self, _warn: Any = warnings.warn) -> None:
        if self._address is not None:
            try:
                if not self._owner_warns:
                    _warn(f"unclosed {self._kind} {self!r}", ResourceWarning, stacklevel=2, source=self)
            finally:
                self._close_handle()


class Config:
    """The library's configuration, alive for as long as a ``with`` needs it."""

    def __init__(self, spacing_ms: int, cable: Optional[str] = None, reconnect: bool = False) -> None:
        self._settings = (spacing_ms, cable, reconnect)

    def __enter__(self) -> ctypes.c_void_p:
        spacing_ms, cable, reconnect = self._settings
        if spacing_ms > _prototypes.UINT32_MAX:
            # ctypes would cut it off.
            raise InvalidArgument(f"the spacing must be ten seconds at most, not {spacing_ms / 1000:g}")
        self._handle = ctypes.c_void_p()
        _demand("apcsmart_config_new", ctypes.byref(self._handle))
        try:
            _demand("apcsmart_config_set_spacing", self._handle, spacing_ms)
            if cable is not None:
                _demand("apcsmart_config_set_cable", self._handle, text_for_c(cable, "the cable"))
            _demand("apcsmart_config_set_reconnect", self._handle, reconnect)
        except BaseException:
            self.__exit__()
            raise
        return self._handle

    def __exit__(self, *_: object) -> None:
        _library.call("apcsmart_config_free", self._handle)


def _demand(function: str, *arguments: Any) -> None:
    code: int = _library.call(function, *arguments)
    if code != Result.OK:
        raise error_of(code, f"{function}: {_library.result_text(code)}")


def text_for_c(text: str, what: str) -> bytes:
    """Text as C takes it. ``what`` says what it is, for the message."""
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a str, not {type(text).__name__}")
    if "\0" in text:
        raise InvalidArgument(f"{what} has a NUL inside: {text!r}")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidArgument(f"{what} is no text that can be encoded: {text!r}") from None


def danger_for_c(confirm: bool) -> int:
    """What says that a command may take power from the load. Nothing that merely looks true does."""
    if not isinstance(confirm, bool):
        raise TypeError(f"confirm must be True or False, not {confirm!r}")
    return int(confirm)


def milliseconds(seconds: float, what: str) -> int:
    """A time to wait as the library takes it. ``what`` says what it is for, for the message."""
    if not 0 <= seconds < (_prototypes.NEVER / 1000):
        raise InvalidArgument(f"{what} must be zero or more seconds, not {seconds!r}")
    return round(seconds * 1000)
