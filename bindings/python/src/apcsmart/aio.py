"""A UPS in an asyncio program.

Invariant: the loop never waits for the line. The session is drained after every call that changes it, so its deadline is
always armed.
"""

import asyncio
import ctypes
import warnings
import weakref
from collections import deque
from contextlib import contextmanager
from typing import Any, AsyncIterator, Callable, Deque, Dict, Generator, Iterator, Optional

from ._handle import milliseconds
from ._knowledge import Knowledge
from ._lines import Line, open_line
from .clock import clock_ms
from .errors import ApcSmartError, HandleClosed, HungUp, NoAnswer, TimedOut
from .events import Diagnosed, Discovered, Event, LinkChanged, OrderDone, ReadingChanged, ScanComplete
from .kinds import Link, OutcomeKind
from .model import Outcome, Value
from .port import READ_BACK_LIMIT, READY_TIMEOUT
from .session import Occurred, Session, Transmit

_EVENTS_KEPT = 4096
"""Events that nobody fetched: the oldest are dropped beyond so many."""

DEFAULT_CABLE = "940-0024C"
"""The smart cable with three wires."""


def open(  # noqa: A001 # as in `apcsmart.aio.open(path)`
    address: str,
    *,
    timeout: float = READY_TIMEOUT,
    cable: str = DEFAULT_CABLE,
    spacing: float = 0.0,
) -> "Opening":
    """Opens a port and waits until the UPS was recognised and everything was read once.

    For ``async with apcsmart.aio.open(path) as ups:`` or ``ups = await apcsmart.aio.open(path)``; the latter is closed with
    :meth:`Ups.close`. The parameters are those of :meth:`apcsmart.Port.open`.

    :raises PortError: one of its kinds, with a sentence that says what to do.
    """
    milliseconds(timeout, "the timeout")
    return Opening(address, timeout, cable, spacing)


class Opening:
    """What :func:`open` gives: it opens when it is awaited or entered."""

    def __init__(self, address: str, timeout: float, cable: str, spacing: float) -> None:
        self._arguments = (address, timeout, cable, spacing)
        self._ups: Optional[Ups] = None

    def __await__(self) -> "Generator[Any, None, Ups]":
        return self._open().__await__()

    async def __aenter__(self) -> "Ups":
        self._ups = await self._open()
        return self._ups

    async def __aexit__(self, *_: object) -> None:
        if self._ups is not None:
            await self._ups.close()

    async def _open(self) -> "Ups":
        address, timeout, cable, spacing = self._arguments
        session = Session(spacing=spacing)
        try:
            line = await open_line(address, cable)
        except BaseException:
            session.close()
            raise
        ups = Ups(address, session, line)
        try:
            if timeout > 0:
                await ups.wait_ready(timeout)
        except BaseException:
            await ups.close()
            raise
        return ups


class Ups(Knowledge):
    """A UPS, served by the running loop from when it was opened until :meth:`close`.

    It is a mapping of its readings, as a :class:`~apcsmart.Port` is, and they are always as new as the line allows. Use it
    from the loop's thread only.
    """

    _kind = "session"
    _was_closed = False

    def __init__(self, address: str, session: Session, line: Line) -> None:
        """For :func:`open`."""
        self._address_text = address
        self._session = session
        session._owner_warns = True
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._timer: Optional[asyncio.TimerHandle] = None
        self._orders: "Dict[int, asyncio.Future[Outcome]]" = {}
        self._listeners: "weakref.WeakSet[Events]" = weakref.WeakSet()
        self._progress = _Progress(self._loop)
        self._end: Optional[ApcSmartError] = None
        line.start(self._received, self._gone)
        session.handle_open(clock_ms())
        self._drain()

    @property
    def address(self) -> str:
        """As it was given to :func:`open`."""
        return self._address_text

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._was_closed

    @property
    def silence(self) -> Optional[float]:
        """How many seconds ago the UPS gave its last valid answer; no reading is newer. ``None`` when it never did."""
        heard_ms = self._session.last_heard_ms
        return None if heard_ms is None else max(0, clock_ms() - heard_ms) / 1000

    async def wait_ready(self, timeout: float = READY_TIMEOUT) -> None:
        """Waits until the UPS was recognised and everything was read once, ``timeout`` seconds at most.

        :raises NoAnswer: no UPS answered; the message says what is on the line instead.
        :raises TimedOut: the UPS answers, and not everything was read in time.
        :raises HungUp: the port is gone.
        """
        self._check_open()
        try:
            await asyncio.wait_for(asyncio.shield(self._progress.ready), timeout)
        except asyncio.TimeoutError:
            raise self._progress.failure(self._address_text, timeout, self.link) from None

    def events(self) -> "Events":
        """Events from now on, as they come: ``async for event in ups.events()``.

        Every call gives an iterator of its own. It ends when the UPS is closed.

        :raises HungUp: the port is gone, and every event before that was told.
        """
        listener = Events()
        if self._end is not None:
            listener.end(self._end)
        self._listeners.add(listener)
        return listener

    async def run(self, name: str, argument: Optional[str] = None, *, confirm: bool = False) -> Outcome:
        """Runs a command by its name and waits for its outcome: seconds for most, minutes for those that switch the load.

        Cancelling stops the waiting, not the command. The parameters and errors are those of :meth:`apcsmart.Port.run`.
        """
        self._check_open()
        ticket = self._session.run(clock_ms(), name, argument, confirm=confirm)
        return await self._outcome(ticket)

    async def set(self, name: str, value: Value) -> Outcome:
        """Sets a setting to a value as its reading shows it, and waits for the outcome, some seconds at most.

        The errors are those of :meth:`apcsmart.Port.set`.
        """
        self._check_open()
        ticket = self._session.set(clock_ms(), name, value)
        events = self.events()
        outcome = await self._outcome(ticket)
        if outcome.kind == OutcomeKind.VERIFIED:
            try:
                await asyncio.wait_for(events.until_reading(name), READ_BACK_LIMIT)
            except (ApcSmartError, asyncio.TimeoutError):
                # It was read back all the same: that the reading follows is for the caller's comfort.
                return outcome
        return outcome

    async def close(self) -> None:
        """Closes the port, so that another program can open it. Closing again does nothing."""
        if self._was_closed:
            return
        self._was_closed = True
        self._finish(HandleClosed("this UPS was closed"))
        self._session.close()
        await self._line.close()

    def __repr__(self) -> str:
        return f"<apcsmart.aio.Ups {self._address_text!r}{' closed' if self.closed else ''}>"

    def __del__(self, _warn: Any = warnings.warn) -> None:
        # The session may have been collected a moment before.
        if not self._was_closed:
            try:
                _warn(f"unclosed UPS {self!r}", ResourceWarning, stacklevel=2, source=self)
            finally:
                self._session.close()
                self._line.abandon()

    # What `Knowledge` asks, the session answers.

    @contextmanager
    def _entered(self) -> Iterator[ctypes.c_void_p]:
        with self._session._entered() as handle:
            yield handle

    def _problem(self, handle: ctypes.c_void_p, code: int) -> str:
        return self._session._problem(handle, code)

    # What the loop calls.

    def _received(self, data: bytes) -> None:
        self._change(lambda: self._session.handle_input(clock_ms(), data))

    def _deadline(self) -> None:
        self._timer = None
        self._change(lambda: self._session.handle_timeout(clock_ms()))

    def _gone(self, reason: str) -> None:
        self._finish(HungUp(f"{self._address_text} hung up: {reason}; plug it in again and open it anew"))

    def _change(self, change: Callable[[], None]) -> None:
        """Tells the session something. A library that failed is a line that ended: nobody else could be told."""
        if self._end is not None:
            return
        try:
            change()
            self._drain()
        except ApcSmartError as error:
            self._finish(error)

    def _drain(self) -> None:
        """Takes everything out of the session, as its contract asks for after every call."""
        for output in self._session.outputs():
            if isinstance(output, Transmit):
                self._line.write(output.data)
            elif isinstance(output, Occurred):
                self._tell(output.event)
            else:
                self._arm(output.deadline_ms)

    def _arm(self, deadline_ms: Optional[int]) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline_ms is not None and self._end is None:
            wait = max(0, deadline_ms - clock_ms()) / 1000
            self._timer = self._loop.call_at(self._loop.time() + wait, self._deadline)

    def _tell(self, event: Event) -> None:
        self._progress.note(event)
        if isinstance(event, OrderDone):
            waiting = self._orders.pop(event.ticket, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(event.outcome)
        for listener in list(self._listeners):
            listener.put(event)

    async def _outcome(self, ticket: int) -> Outcome:
        waiting = self._loop.create_future()
        self._orders[ticket] = waiting
        self._drain()
        outcome: Outcome = await waiting
        return outcome

    def _finish(self, reason: ApcSmartError) -> None:
        """The line is gone. Whoever waits is told, the orders first: as the session ends them."""
        if self._end is not None:
            return
        self._end = reason
        self._arm(None)
        try:
            self._session.handle_close(clock_ms())
            self._drain()
        except ApcSmartError as error:
            # A library that failed ends no orders; then whoever waits for one learns why.
            for waiting in self._orders.values():
                if not waiting.done():
                    waiting.set_exception(error)
        self._progress.end(reason)
        for listener in list(self._listeners):
            listener.end(reason)
        if not isinstance(reason, HandleClosed):
            self._line.abandon()

    def _check_open(self) -> None:
        if self._end is not None:
            raise self._end


class Events(AsyncIterator[Event]):
    """Events of a UPS for one listener. Whoever does not fetch them loses the oldest beyond 4096."""

    def __init__(self) -> None:
        self._waiting: Deque[Event] = deque(maxlen=_EVENTS_KEPT)
        self._end: Optional[ApcSmartError] = None
        self._news = asyncio.Event()

    def __aiter__(self) -> "Events":
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            if isinstance(self._end, HandleClosed):
                raise StopAsyncIteration
            if self._end is not None:
                raise self._end
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()

    async def until_reading(self, name: str) -> None:
        """For the UPS: waits until a reading changed."""
        async for event in self:
            if isinstance(event, ReadingChanged) and event.name == name:
                return

    def put(self, event: Event) -> None:
        """For the UPS: something was learnt."""
        self._waiting.append(event)
        self._news.set()

    def end(self, reason: ApcSmartError) -> None:
        """For the UPS: nothing more comes."""
        self._end = reason
        self._news.set()


class _Progress:
    """How far the UPS is known since the link came up."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.ready: "asyncio.Future[None]" = loop.create_future()
        self._discovered = self._scanned = False
        self._diagnosis = ""

    def note(self, event: Event) -> None:
        if isinstance(event, LinkChanged):
            self._restart(event.link)
        elif isinstance(event, Discovered):
            self._discovered = True
        elif isinstance(event, ScanComplete):
            self._scanned = True
        elif isinstance(event, Diagnosed):
            self._diagnosis = f": {event.text}"
        if self._discovered and self._scanned and not self.ready.done():
            self.ready.set_result(None)

    def end(self, reason: ApcSmartError) -> None:
        if not self.ready.done():
            self.ready.set_exception(reason)
            # Nobody may be waiting, and that is no mistake.
            self.ready.exception()

    def failure(self, address: str, waited: float, link: Link) -> ApcSmartError:
        """Why it is not ready."""
        if link == Link.UP:
            return TimedOut(
                f"the UPS on {address} answers, but {waited:g} s were not enough to read everything: wait longer, "
                f"{READY_TIMEOUT:g} s fit every known unit"
            )
        return NoAnswer(f"no UPS answered on {address} in {waited:g} s{self._diagnosis}")

    def _restart(self, link: Link) -> None:
        if link == Link.UP:
            self._diagnosis = ""
            return
        self._discovered = self._scanned = False
        if self.ready.done():
            self.ready = self._loop.create_future()
