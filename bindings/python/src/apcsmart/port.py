"""The blocking port, for programs that wait.

Invariant: no call of the library waits longer than a moment, so that Ctrl-C and other signals reach Python's handlers
while a port waits. The line is served only while a call waits.
"""

import ctypes
import math
import time
from collections import deque
from types import TracebackType
from typing import Deque, Iterator, Optional, Type

from . import _library, _prototypes
from ._handle import Config, danger_for_c, milliseconds, text_for_c
from ._knowledge import Knowledge
from .errors import Result, error_of
from .events import Event, OrderAccepted, OrderDone, event_of
from .kinds import OutcomeKind
from .model import Outcome, Value

READY_TIMEOUT = 30.0
"""Seconds in which every known UPS was recognised and read once."""

READ_BACK_LIMIT = 5.0
"""Seconds in which a setting that was written is read again by every known UPS."""

_MOMENT_MS = 250
"""The longest a person waits for Ctrl-C to do something."""

_EVENTS_KEPT = 4096
"""As many as the library keeps for those who do not fetch them."""


class Port(Knowledge):
    """A UPS on a serial port, or on a serial server in the network, for programs that wait.

    A port is a mapping of its readings: ``port["battery.charge"]`` is a number, ``port["ups.model"]`` a ``str``. The line is
    served only while a call waits (:meth:`events`, :meth:`wait_event`, :meth:`serve`, :meth:`run`, :meth:`set`,
    :meth:`wait_ready`); between calls readings get old, and :attr:`silence` tells how old.

    One thread at a time may use a port; a second one gets :class:`~apcsmart.HandleInUse`, but for :meth:`interrupt`. Different
    ports are independent. A port is of the process that opened it: after a fork a child gets
    :class:`~apcsmart.OtherProcess`.

    Every call that waits can raise :class:`~apcsmart.Interrupted`.
    """

    _kind = "port"
    _free = "apcsmart_port_close"

    def __init__(self) -> None:
        raise TypeError("a port is made by Port.open(address)")

    @classmethod
    def open(
        cls,
        address: str,
        *,
        timeout: float = READY_TIMEOUT,
        cable: Optional[str] = None,
        reconnect: bool = False,
        spacing: float = 0.0,
    ) -> "Port":
        """Opens a port and waits until the UPS was recognised and everything was read once.

        :param address: a path such as ``/dev/ttyS0``, or ``tcp://host:port`` for a serial server.
        :param timeout: seconds to wait for the UPS; with 0 it is only opened, and :meth:`wait_ready` waits.
        :param cable: the cable's part number, such as ``940-0024C`` (the default) or ``940-0095B``.
        :param reconnect: open a port that hung up again by itself, instead of raising :class:`~apcsmart.HungUp`.
        :param spacing: seconds of silence between an answer and the next question, for UPSes that need a pause.
        :raises PortError: one of its kinds, with a sentence that says what to do.
        """
        wait_ms = milliseconds(timeout, "the timeout")
        port = cls.__new__(cls)
        port._address_text = address
        port._events = deque(maxlen=_EVENTS_KEPT)
        opened = ctypes.c_void_p()
        path = text_for_c(address, "the address")
        with Config(milliseconds(spacing, "the spacing"), cable, reconnect) as config:
            code: int = _library.call("apcsmart_port_open", path, config, 0, ctypes.byref(opened))
        if not opened.value:
            raise error_of(code, _library.result_text(code))
        port._adopt(opened)
        try:
            if code != Result.OK:
                raise error_of(code, port._problem(opened, code))
            if wait_ms > 0:
                port.wait_ready(timeout)
        except BaseException:
            port.close()
            raise
        return port

    _address_text: str
    _events: Deque[Event]

    def wait_ready(self, timeout: float = READY_TIMEOUT) -> None:
        """Waits until the UPS was recognised and everything was read once, ``timeout`` seconds at most.

        :raises NoAnswer: no UPS answered; the message says what is on the line instead.
        :raises TimedOut: the UPS answers, and not everything was read in time.
        :raises HungUp: the port is gone.
        """
        until = _Until(timeout)
        with self._entered() as handle:
            while True:
                left_ms = until.moment()
                code = self._code(handle, "wait_ready", left_ms)
                if code not in (Result.NO_ANSWER, Result.TIMED_OUT):
                    return self._check(handle, code)
                if until.is_over():
                    # The library knows of the last moment only.
                    said = self._problem(handle, code)
                    raise error_of(code, said.replace(f" {left_ms / 1000:g} s", f" {timeout:g} s", 1))

    def serve(self, duration: float) -> None:
        """Serves the line for ``duration`` seconds, so that readings are read anew. Events are kept for :meth:`events`.

        :raises HungUp: the port is gone.
        """
        until = _Until(duration)
        with self._entered() as handle:
            while True:
                self._ask(handle, "serve", until.moment())
                if until.is_over():
                    return

    def wait_event(self, timeout: Optional[float] = None) -> Optional[Event]:
        """The next event, the oldest first, and those since the port was opened included; ``None`` when none came.

        :param timeout: seconds to wait at most; ``None`` waits for as long as it takes.
        :raises HungUp: the port is gone, and every event before that was told.
        """
        until = _Until(timeout)
        with self._entered() as handle:
            return self._events.popleft() if self._events else self._next(handle, until)

    def events(self, timeout: Optional[float] = None) -> Iterator[Event]:
        """Events as they come, the oldest first, and those since the port was opened included.

        :param timeout: seconds after which the iteration ends; ``None`` goes on until the port hangs up.
        :raises HungUp: the port is gone, and every event before that was told.
        """
        until = _Until(timeout)
        while True:
            event = self.wait_event(until.left())
            if event is None:
                return
            yield event

    def run(self, name: str, argument: Optional[str] = None, *, confirm: bool = False) -> Outcome:
        """Runs a command by its name and waits for its outcome: seconds for most, minutes for those that switch the load.

        :param name: such as ``"test.battery.start"``; see :attr:`commands`.
        :param argument: for ``"shutdown.return"`` alone: how many times six minutes to stay off in addition.
        :param confirm: says that it is wanted that the command may take power from the load.
        :raises Refused: one of its kinds; nothing was sent.
        :raises HungUp: the port is gone.
        """
        text = None if argument is None else text_for_c(argument, "the argument")
        ticket = ctypes.c_uint64()
        with self._entered() as handle:
            self._ask(
                handle, "start", text_for_c(name, "the name of a command"), text, danger_for_c(confirm), ctypes.byref(ticket)
            )
            return self._outcome(handle, ticket.value)

    def set(self, name: str, value: Value) -> Outcome:
        """Sets a setting to a value as its reading shows it, and waits for the outcome, some seconds at most.

        :param name: such as ``"input.transfer.low"``; see :attr:`settings` and :meth:`choices`.
        :raises Refused: one of its kinds; nothing was sent.
        :raises HungUp: the port is gone.
        """
        wanted = self._value_for_c(name, value)
        setting = text_for_c(name, "the name of a setting")
        ticket = ctypes.c_uint64()
        with self._entered() as handle:
            before = self._text(handle, setting)
            self._ask(handle, "start_set", setting, wanted, ctypes.byref(ticket))
            outcome = self._outcome(handle, ticket.value)
            if outcome.kind == OutcomeKind.VERIFIED:
                self._read_back(handle, setting, before)
        return outcome

    def interrupt(self) -> None:
        """Makes the call that waits with this port end with :class:`~apcsmart.Interrupted`; when none waits, the next one.

        This alone may be called by other threads while one uses the port, and by signal handlers. Nothing is lost by it, an
        order that was waited for goes on. On a closed port it does nothing.
        """
        with self._beside() as handle:
            if handle is not None:
                code = self._code(handle, "interrupt")
                if code != Result.OK:
                    raise error_of(code, _library.result_text(code))

    def reopen(self, timeout: float = READY_TIMEOUT) -> None:
        """Opens the port again, whether it hung up or not, and waits until the UPS was recognised; with 0 it only opens.

        :raises PortError: as :meth:`open`. The port stays usable for another try.
        """
        with self._entered() as handle:
            self._ask(handle, "reopen")
        if timeout > 0:
            self.wait_ready(timeout)

    @property
    def silence(self) -> Optional[float]:
        """How many seconds ago the UPS gave its last valid answer; no reading is newer. ``None`` when it never did."""
        silence_ms = ctypes.c_uint64()
        with self._entered() as handle:
            code = self._code(handle, "silence", ctypes.byref(silence_ms))
            if code == Result.NOT_FOUND:
                return None
            self._check(handle, code)
        return silence_ms.value / 1000

    @property
    def address(self) -> str:
        """As it was given to :meth:`open`."""
        return self._address_text

    def close(self) -> None:
        """Closes the port, so that another program can open it. Closing again does nothing."""
        self._close_handle()

    def __enter__(self) -> "Port":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<apcsmart.Port {self._address_text!r}{' closed' if self.closed else ''}>"

    def _next(self, handle: ctypes.c_void_p, until: "_Until") -> Optional[Event]:
        """The next event out of the library."""
        raw = _prototypes.Event()
        while True:
            code = self._code(handle, "wait_event", until.moment(), ctypes.byref(raw))
            if code != Result.TIMED_OUT:
                self._check(handle, code)
                return event_of(raw)
            if until.is_over():
                return None

    def _outcome(self, handle: ctypes.c_void_p, ticket: int) -> Outcome:
        """Waits for the end of an order. What happens on the way is kept for those who ask for events."""
        for_ever = _Until(None)
        while True:
            event = self._next(handle, for_ever)
            if isinstance(event, OrderDone) and event.ticket == ticket:
                return event.outcome
            is_ours = isinstance(event, OrderAccepted) and event.ticket == ticket
            if event is not None and not is_ours:
                self._events.append(event)

    def _read_back(self, handle: ctypes.c_void_p, setting: bytes, before: Optional[str]) -> None:
        """Waits until the reading of a setting that was written follows. What happens on the way is kept."""
        until = _Until(READ_BACK_LIMIT)
        while self._text(handle, setting) == before:
            event = self._next(handle, until)
            if event is None:
                return
            self._events.append(event)

    def _text(self, handle: ctypes.c_void_p, name: bytes) -> Optional[str]:
        """The text of a reading, when there is one."""
        text = ctypes.c_char_p()
        code = self._code(handle, "text", name, ctypes.byref(text))
        return (text.value or b"").decode() if code == Result.OK else None

    def _problem(self, handle: ctypes.c_void_p, code: int) -> str:
        if code < Result.UNKNOWN_COMMAND:
            return super()._problem(handle, code)
        said: bytes = _library.call("apcsmart_port_error", handle)
        return said.decode() or super()._problem(handle, code)


class _Until:
    """A time limit, waited for in moments."""

    def __init__(self, seconds: Optional[float]) -> None:
        self._end: Optional[float] = None
        if seconds is not None:
            self._end = time.monotonic() + milliseconds(seconds, "the time to wait") / 1000

    def left(self) -> Optional[float]:
        """Seconds; ``None`` for no limit."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    def is_over(self) -> bool:
        return self.left() == 0.0

    def moment(self) -> int:
        """The next piece of it, in milliseconds."""
        left = self.left()
        return _MOMENT_MS if left is None else min(_MOMENT_MS, math.ceil(left * 1000))
