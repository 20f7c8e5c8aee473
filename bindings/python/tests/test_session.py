"""The session without input and output, driven by a loop of the test's own."""

import select
import socket
from typing import List, Optional

import pytest
from apcsmart import (
    Diagnosed,
    Diagnosis,
    Discovered,
    Event,
    Link,
    NotConnected,
    NotKnown,
    Occurred,
    OrderDone,
    OutcomeKind,
    ScanComplete,
    Session,
    Timeout,
    Transmit,
    clock_ms,
)
from simulated import DEADLINE, SimulatedUps


class Loop:
    """The smallest loop that serves a session: a socket, and one deadline."""

    def __init__(self, session: Session, address: str) -> None:
        host, _, port = address.replace("tcp://", "").rpartition(":")
        self.session = session
        self.line = socket.create_connection((host, int(port)))
        self.events: List[Event] = []
        self.deadline_ms: Optional[int] = None
        session.handle_open(clock_ms())
        self.drain()

    def drain(self) -> None:
        for output in self.session.outputs():
            if isinstance(output, Transmit):
                self.line.sendall(output.data)
            elif isinstance(output, Occurred):
                self.events.append(output.event)
            else:
                self.deadline_ms = output.deadline_ms

    def turn(self) -> None:
        wait = DEADLINE if self.deadline_ms is None else max(0, self.deadline_ms - clock_ms()) / 1000
        if select.select([self.line], [], [], wait)[0]:
            self.session.handle_input(clock_ms(), self.line.recv(4096))
        self.session.handle_timeout(clock_ms())
        self.drain()


def test_a_session_reads_a_ups_through_a_loop_of_the_callers_own(simulated: SimulatedUps) -> None:
    with Session() as session:
        loop = Loop(session, simulated.tcp)
        with loop.line:
            while Discovered() not in loop.events or ScanComplete() not in loop.events:
                loop.turn()
            assert session["battery.charge"] == 100.0
            assert session["ups.model"] == "SMART-UPS 1500"
            assert session.link == Link.UP
            assert "test.battery.start" in session.commands
            assert session.last_heard_ms is not None

            ticket = session.set(clock_ms(), "ups.id", "RACK3")
            loop.drain()
            done: List[OrderDone] = []
            while not done:
                loop.turn()
                done = [event for event in loop.events if isinstance(event, OrderDone)]
            assert done[0].ticket == ticket
            assert done[0].outcome.kind == OutcomeKind.VERIFIED
            assert done[0].outcome.text


def test_the_same_session_on_a_simulated_clock_asks_gives_up_and_says_so() -> None:
    with Session() as session:
        session.handle_open(1000)
        sent = 0
        now = 1000
        diagnosed: List[Diagnosed] = []
        while not diagnosed:
            for output in session.outputs():
                if isinstance(output, Transmit):
                    sent += 1
                    assert output.data
                elif isinstance(output, Occurred):
                    diagnosed += [output.event] if isinstance(output.event, Diagnosed) else []
                else:
                    assert output.deadline_ms is not None
                    now = output.deadline_ms
            session.handle_timeout(now)
        assert sent > 1
        assert now > 1000
        assert diagnosed[0].diagnosis == Diagnosis.SILENT
        assert session.link == Link.CONNECTING


def test_a_session_without_a_port_waits_for_nothing_and_knows_nothing() -> None:
    with Session() as session:
        assert session.poll_output() == Timeout(None)
        assert session.link == Link.CLOSED
        assert session.last_heard_ms is None
        assert dict(session) == {}
        assert session.commands == {}
        with pytest.raises(NotKnown, match="not read yet"):
            session.status
        with pytest.raises(NotConnected):
            session.run(0, "test.panel.start")
