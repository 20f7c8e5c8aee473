"""The session without input and output, for programs with a loop of their own.

Invariant: nothing here opens, reads a clock or waits. Bytes and time come from the caller.
"""

import ctypes
from dataclasses import dataclass
from typing import Iterator, Optional, Union

from . import _library, _prototypes
from ._handle import Config, danger_for_c, milliseconds, text_for_c
from ._knowledge import Knowledge
from .errors import InvalidArgument, Result
from .events import Event, event_of
from .model import Value


@dataclass(frozen=True)
class Transmit:
    """Write these bytes to the port, all of them, now."""

    data: bytes


@dataclass(frozen=True)
class Occurred:
    """Something was learnt."""

    event: Event


@dataclass(frozen=True)
class Timeout:
    """Nothing more for now: call :meth:`Session.handle_timeout` at ``deadline_ms`` at the latest."""

    deadline_ms: Optional[int]
    """On your clock; ``None`` when the session waits for nothing."""


Output = Union[Transmit, Occurred, Timeout]
"""What a session wants of you."""


class Session(Knowledge):
    """The conversation with one UPS. It opens nothing, reads no clock and never waits.

    After every call that tells it something (``handle_…``, :meth:`run`, :meth:`set`), take :meth:`poll_output` until it gives
    a :class:`Timeout`; then wait for bytes from the port or for that moment, whichever comes first. :meth:`outputs` does the
    asking.

    Times are whole milliseconds since any origin of yours. They must not go back, and should go on while the machine sleeps:
    :func:`apcsmart.clock_ms` is such a clock. The port is 2400 baud, 8 bits, no parity, one stop bit, no flow control.

    A session is a mapping of its readings, as a :class:`~apcsmart.Port` is. One thread at a time may use it; a second one
    gets :class:`~apcsmart.HandleInUse`.
    """

    _kind = "session"
    _free = "apcsmart_session_free"

    def __init__(self, *, spacing: float = 0.0) -> None:
        """Makes a session without a port.

        :param spacing: seconds of silence between an answer and the next question, for UPSes that need a pause.
        """
        made = ctypes.c_void_p()
        with Config(milliseconds(spacing, "the spacing")) as config:
            code: int = _library.call("apcsmart_session_new", config, ctypes.byref(made))
        self._check(made, code)
        self._room = (ctypes.c_uint8 * _prototypes.TRANSMIT_MAX)()
        self._adopt(made)

    def handle_open(self, now_ms: int) -> None:
        """The port was opened, or opened again."""
        with self._entered() as handle:
            self._ask(handle, "handle_open", _moment(now_ms))

    def handle_close(self, now_ms: int) -> None:
        """The port is gone. Readings and status keep their last values; orders end as interrupted."""
        with self._entered() as handle:
            self._ask(handle, "handle_close", _moment(now_ms))

    def handle_input(self, now_ms: int, data: "Union[bytes, bytearray, memoryview]") -> None:
        """Bytes arrived from the port, in one piece or in many."""
        # Of a number, `bytes` would make so many zeros.
        copied = bytes(memoryview(data))
        with self._entered() as handle:
            self._ask(handle, "handle_input", _moment(now_ms), copied, len(copied))

    def handle_timeout(self, now_ms: int) -> None:
        """The deadline was reached. Calling it early or late is harmless."""
        with self._entered() as handle:
            self._ask(handle, "handle_timeout", _moment(now_ms))

    def poll_output(self) -> Output:
        """The next thing to do. Call it until it gives a :class:`Timeout`."""
        raw = _prototypes.Output()
        with self._entered() as handle:
            self._ask(handle, "poll_output", self._room, len(self._room), ctypes.byref(raw))
            if raw.kind == _TRANSMIT:
                return Transmit(bytes(self._room[: raw.length]))
            if raw.kind == _EVENT:
                return Occurred(event_of(raw.event))
            return Timeout(None if raw.deadline_ms == _prototypes.NEVER else raw.deadline_ms)

    def outputs(self) -> Iterator[Output]:
        """Everything that is to be done now; the :class:`Timeout` comes last. Take all of it."""
        while True:
            output = self.poll_output()
            yield output
            if isinstance(output, Timeout):
                return

    def run(self, now_ms: int, name: str, argument: Optional[str] = None, *, confirm: bool = False) -> int:
        """Orders a command by its name. Gives the ticket that names the order in its :class:`~apcsmart.OrderDone`.

        :param argument: for ``"shutdown.return"`` alone: how many times six minutes to stay off in addition.
        :param confirm: says that it is wanted that the command may take power from the load.
        :raises Refused: one of its kinds; nothing was sent.
        """
        text = None if argument is None else text_for_c(argument, "the argument")
        order = text_for_c(name, "the name of a command")
        ticket = ctypes.c_uint64()
        with self._entered() as handle:
            self._ask(handle, "run", _moment(now_ms), order, text, danger_for_c(confirm), ctypes.byref(ticket))
        return ticket.value

    def set(self, now_ms: int, name: str, value: Value) -> int:
        """Orders a setting. Gives the ticket that names the order in its :class:`~apcsmart.OrderDone`.

        :param value: as the setting's reading shows it.
        :raises Refused: one of its kinds; nothing was sent.
        """
        wanted = self._value_for_c(name, value)
        ticket = ctypes.c_uint64()
        with self._entered() as handle:
            order = text_for_c(name, "the name of a setting")
            self._ask(handle, "set", _moment(now_ms), order, wanted, ctypes.byref(ticket))
        return ticket.value

    @property
    def last_heard_ms(self) -> Optional[int]:
        """When the UPS last gave a valid answer, on your clock; no reading is newer. ``None`` when it never did."""
        heard_ms = ctypes.c_uint64()
        with self._entered() as handle:
            code = self._code(handle, "last_heard", ctypes.byref(heard_ms))
            if code == Result.NOT_FOUND:
                return None
            self._check(handle, code)
        return heard_ms.value

    def close(self) -> None:
        """Frees the session. Closing again does nothing."""
        self._close_handle()

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<apcsmart.Session{' closed' if self.closed else ''} at {id(self):#x}>"

    def _problem(self, handle: ctypes.c_void_p, code: int) -> str:
        if Result.UNKNOWN_COMMAND <= code < Result.INVALID_ADDRESS:
            refusal: Optional[bytes] = _library.call("apcsmart_session_last_refusal", handle)
            if refusal:
                return refusal.decode()
        return super()._problem(handle, code)


# `apcsmart_output_kind`
_TRANSMIT = 1
_EVENT = 2


def _moment(now_ms: int) -> int:
    if isinstance(now_ms, bool) or not isinstance(now_ms, int):
        raise TypeError(f"a time is a whole number of milliseconds, not {now_ms!r}")
    if not 0 <= now_ms < _prototypes.NEVER:
        raise InvalidArgument(f"a time is zero or more milliseconds, not {now_ms}")
    return now_ms
