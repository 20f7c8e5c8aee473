"""Events of a blocking port."""

import signal
import threading

import pytest
from apcsmart import (
    Alert,
    Alerted,
    Discovered,
    Link,
    LinkChanged,
    Port,
    ReadingChanged,
    ScanComplete,
    Status,
    StatusChanged,
)
from simulated import DEADLINE, SimulatedUps


def test_events_since_the_port_was_opened_are_told_first(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        first = list(port.events(timeout=0))
    assert LinkChanged(Link.UP) in first
    assert Discovered() in first
    assert ScanComplete() in first
    assert StatusChanged(Status.ON_LINE, "OL") in first
    assert ReadingChanged("battery.charge", 100.0, "100.0", "%") in first


def test_an_outage_is_told_as_an_alert_and_a_status(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        list(port.events(timeout=0))
        simulated.control("line off")
        seen = []
        for event in port.events():
            seen.append(event)
            if isinstance(event, StatusChanged) and Status.ON_BATTERY in event.status:
                break
    assert Alerted(Alert.LINE_FAIL, "line fail") in seen
    assert seen[-1] == StatusChanged(Status.ON_BATTERY, "OB")


def test_waiting_for_an_event_ends_with_none_when_none_came(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        simulated.control("mute on")
        list(port.events(timeout=0))
        assert port.wait_event(timeout=0.01) is None


def test_a_wait_without_end_can_be_interrupted(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        # Nothing that the UPS does ends the wait, unless the interrupt was forgotten.
        rescued = threading.Event()

        def end_it() -> None:
            rescued.set()
            simulated.control("unplug 600")

        rescue = threading.Timer(DEADLINE, end_it)
        interrupt = threading.Timer(0.1, signal.raise_signal, [signal.SIGINT])
        rescue.start()
        with pytest.raises(KeyboardInterrupt):
            # On a busy machine it may come before the wait has begun.
            interrupt.start()
            port.serve(3600)
        assert not rescued.is_set(), "the interrupt came when the wait was over"
        rescue.cancel()
        assert port["ups.model"] == "SMART-UPS 1500", "and the port is as good as before"
