"""What an asyncio program talks to a UPS on: a serial port, or a serial server in the network.

Invariant: nothing here waits or knows of UPSes. A line tells of its end once, and never from inside a call of its owner.
"""

import asyncio
import socket
from typing import Callable, Optional, Protocol, Tuple
from urllib.parse import urlsplit

from ._tty import Tty
from .errors import CannotOpen, InvalidAddress

Received = Callable[[bytes], None]
Gone = Callable[[str], None]


class Line(Protocol):
    """An open line."""

    def start(self, received: Received, gone: Gone) -> None:
        """Tells of bytes and of the end from now on."""

    def write(self, data: bytes) -> None:
        """Writes all of it, as soon as there is room."""

    def abandon(self) -> None:
        """Closes the line without waiting; nothing more is told."""

    async def close(self) -> None:
        """Closes the line; nothing more is told."""


async def open_line(address: str, cable: str) -> Line:
    """Opens ``/dev/ttyS0`` or ``tcp://host:port``."""
    if address.startswith(_TCP):
        host, port = _host_and_port(address)
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            raise CannotOpen(f"can't connect to {address}: {error}") from error
        return _TcpLine(reader, writer)
    if not address or "://" in address:
        raise InvalidAddress(f"{address!r} is no address of a port; write /dev/ttyS0 or tcp://host:port")
    return _TtyLine(Tty(address, cable))


_TCP = "tcp://"


def _host_and_port(address: str) -> Tuple[str, int]:
    problem = f"{address!r} is no address of a port; write tcp://host:port"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidAddress(problem) from error
    if not host or not port or parts.path not in ("", "/"):
        raise InvalidAddress(problem)
    return host, port


class _TtyLine:
    """A serial port, watched by the loop."""

    def __init__(self, tty: Tty) -> None:
        self._tty = tty
        self._loop = asyncio.get_running_loop()
        self._unsent = b""
        self._gone: Optional[Gone] = None

    def start(self, received: Received, gone: Gone) -> None:
        self._received, self._gone = received, gone
        self._loop.add_reader(self._tty.fd, self._readable)

    def write(self, data: bytes) -> None:
        if self._gone is None:
            return
        waiting = bool(self._unsent)
        self._unsent += data
        if not waiting:
            self._send()
        if self._unsent and not waiting:
            self._loop.add_writer(self._tty.fd, self._writable)

    def abandon(self) -> None:
        self._forget()
        self._tty.close()

    async def close(self) -> None:
        self.abandon()

    def _readable(self) -> None:
        try:
            data = self._tty.read()
        except BlockingIOError:
            return
        if data:
            self._received(data)
        else:
            self._end("the port hung up")

    def _writable(self) -> None:
        self._send()
        if not self._unsent:
            self._loop.remove_writer(self._tty.fd)

    def _send(self) -> None:
        try:
            self._unsent = self._unsent[self._tty.write(self._unsent) :]
        except OSError as error:
            self._unsent = b""
            self._end(str(error))

    def _end(self, reason: str) -> None:
        gone = self._gone
        self._forget()
        if gone is not None:
            self._loop.call_soon(gone, reason)

    def _forget(self) -> None:
        self._gone = None
        if self._tty.fd >= 0 and not self._loop.is_closed():
            self._loop.remove_reader(self._tty.fd)
            self._loop.remove_writer(self._tty.fd)


class _TcpLine:
    """A serial server's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._loop = asyncio.get_running_loop()
        self._task: "Optional[asyncio.Task[None]]" = None
        # A server that lost its power never says so.
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def start(self, received: Received, gone: Gone) -> None:
        self._task = self._loop.create_task(self._serve(received, gone))

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def abandon(self) -> None:
        if self._loop.is_closed():
            # Whose sockets are closed when they are collected.
            return
        if self._task is not None:
            self._task.cancel()
        self._writer.close()

    async def close(self) -> None:
        self.abandon()
        try:
            await self._writer.wait_closed()
        except OSError:
            # The other side was quicker.
            return

    async def _serve(self, received: Received, gone: Gone) -> None:
        reason = "the server closed the connection"
        try:
            while True:
                data = await self._reader.read(4096)
                if not data:
                    break
                received(data)
        except OSError as error:
            reason = str(error)
        self._loop.call_soon(gone, reason)
