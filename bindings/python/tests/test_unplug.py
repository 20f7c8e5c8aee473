"""A port that goes away, and comes back."""

import os

import pytest
from apcsmart import HungUp, Link, LinkChanged, NoAnswer, NoSuchPort, NotAPort, Port, PortInUse, Result
from simulated import SimulatedUps, until


def test_a_port_that_is_unplugged_hangs_up_after_the_events_that_came_before(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        simulated.control("unplug 600")
        seen = []
        with pytest.raises(HungUp, match="hung up") as caught:
            for event in port.events():
                seen.append(event)
        assert caught.value.code == Result.HUNG_UP
        assert seen[-1] == LinkChanged(Link.CLOSED)
        assert port["ups.model"] == "SMART-UPS 1500", "readings keep their last values"
        with pytest.raises(HungUp):
            port.run("test.panel.start")


def test_a_port_that_hung_up_can_be_opened_again(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        simulated.control("unplug 0.1")
        with pytest.raises(HungUp):
            port.serve(60)
        until(lambda: os.path.exists(simulated.path), "the port to come back")
        port.reopen()
        assert port.link == Link.UP


def test_a_port_may_open_itself_again(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path, reconnect=True) as port:
        list(port.events(timeout=0))
        simulated.control("unplug 0.1")
        seen = []
        for event in port.events():
            seen.append(event)
            if event == LinkChanged(Link.UP):
                break
        assert LinkChanged(Link.CLOSED) in seen


def test_a_ups_that_does_not_answer_is_told_with_what_is_on_the_line(simulated: SimulatedUps) -> None:
    simulated.control("mute on")
    with pytest.raises(NoAnswer, match=r"no UPS answered on .* in 0\.6 s") as caught:
        Port.open(simulated.path, timeout=0.6)
    assert isinstance(caught.value, TimeoutError)


def test_ports_that_can_not_be_opened_say_why(simulated: SimulatedUps, tmp_path: "os.PathLike[str]") -> None:
    with pytest.raises(NoSuchPort, match="there is no port"):
        Port.open(os.path.join(tmp_path, "ttyUSB9"))
    with pytest.raises(NotAPort, match="is no serial port"):
        Port.open(os.fspath(tmp_path))
    with Port.open(simulated.path):
        with pytest.raises(PortInUse, match="is in use"):
            Port.open(simulated.path)
