"""Programs that are wrong get an error that says so, and never another thread's memory."""

import copy
import gc
import pickle
import threading
from typing import Any, List

import pytest
from apcsmart import (
    HandleClosed,
    HandleInUse,
    InvalidAddress,
    InvalidArgument,
    MisuseError,
    Port,
    Session,
)
from simulated import SimulatedUps, until


def test_a_closed_port_says_so_and_can_be_closed_again(simulated: SimulatedUps) -> None:
    port = Port.open(simulated.path)
    assert repr(port) == f"<apcsmart.Port {simulated.path!r}>"
    port.close()
    port.close()
    assert port.closed
    for use in (lambda: port["ups.model"], lambda: port.status, lambda: port.run("test.panel.start"), port.wait_event):
        with pytest.raises(HandleClosed, match="this port was closed"):
            use()
    assert repr(port) == f"<apcsmart.Port {simulated.path!r} closed>"
    Port.open(simulated.path).close()


def test_a_port_that_another_thread_uses_is_refused_and_stays_usable(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        list(port.events(timeout=0))
        waiting = threading.Thread(target=port.serve, args=(2.0,))
        refused: List[HandleInUse] = []

        def is_refused() -> bool:
            try:
                port["ups.model"]
            except HandleInUse as error:
                refused.append(error)
            return bool(refused)

        waiting.start()
        until(is_refused, "the other thread to be inside")
        with pytest.raises(HandleInUse):
            port.close()
        waiting.join()
        assert "another thread is using this port" in str(refused[0])
        assert port["ups.model"] == "SMART-UPS 1500"


def test_threads_that_fight_for_a_port_get_errors_and_never_wrong_texts(simulated: SimulatedUps) -> None:
    wrong: List[object] = []
    with Port.open(simulated.path) as port:

        def fight() -> None:
            for _ in range(300):
                try:
                    port.wait_event(timeout=0)
                    if port["ups.model"] != "SMART-UPS 1500":
                        wrong.append(port["ups.model"])
                except HandleInUse:
                    continue
                except BaseException as error:
                    wrong.append(error)
                    raise

        threads = [threading.Thread(target=fight) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_ports_in_threads_of_their_own_do_not_disturb_each_other(start: Any) -> None:
    models = {"smart-ups-1500": "SMART-UPS 1500", "smart-ups-700": "SMART-UPS 700"}
    seen = {}

    def read(name: str, path: str) -> None:
        with Port.open(path) as port:
            port.serve(0.2)
            seen[name] = port["ups.model"]

    threads = [threading.Thread(target=read, args=(name, start("--model", name).path)) for name in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == models


def test_a_forgotten_port_is_closed_with_a_warning(simulated: SimulatedUps) -> None:
    port = Port.open(simulated.path)
    with pytest.warns(ResourceWarning, match="unclosed port .*ups"):
        del port
        gc.collect()
    Port.open(simulated.path).close()


def test_a_forgotten_session_is_freed_with_a_warning() -> None:
    session = Session()
    with pytest.warns(ResourceWarning, match="unclosed session"):
        del session
        gc.collect()


def test_a_port_stands_for_a_device_and_can_not_be_copied(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="can not be copied"):
                attempt(port)
        assert port == port
        assert port != {}
        assert bool(port)
        assert len({port, port}) == 1


def test_a_port_is_only_made_by_opening_one() -> None:
    with pytest.raises(TypeError, match="Port.open"):
        Port()


@pytest.mark.parametrize("address", ["", "udp://host:1", "tcp://host", "tcp://host:seventy"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(InvalidAddress, match="no address of a port"):
        Port.open(address)


def test_values_that_can_not_be_passed_are_refused_before_the_library_sees_them(simulated: SimulatedUps) -> None:
    untyped: Any = None
    with pytest.raises(InvalidArgument, match="NUL"):
        Port.open("/dev/tty\0S0")
    with pytest.raises(TypeError, match="must be a str, not NoneType"):
        Port.open(untyped)
    with pytest.raises(InvalidArgument, match="zero or more seconds"):
        Port.open(simulated.path, timeout=-1)
    with pytest.raises(InvalidArgument):
        Port.open(simulated.path, spacing=11)
    with pytest.raises(InvalidArgument, match="ten seconds"):
        Port.open(simulated.path, spacing=2**32 / 1000)
    with pytest.raises(InvalidArgument):
        Port.open(simulated.path, cable="940-0020B")
    with Port.open(simulated.path) as port:
        with pytest.raises(InvalidArgument, match="encoded"):
            port["\ud800"]
        with pytest.raises(InvalidArgument, match="too long"):
            port["x" * 5000]
        with pytest.raises(TypeError, match="not bool"):
            port.set("ups.id", True)
        with pytest.raises(TypeError, match="not NoneType"):
            port.set("ups.id", untyped)
        with pytest.raises(InvalidArgument):
            port.wait_event(timeout=float("nan"))
        wrong: Any
        for wrong in ("yes", "1", 1, None):
            with pytest.raises(TypeError, match="confirm must be True or False"):
                port.run("load.off", confirm=wrong)


def test_input_is_bytes_and_never_a_number_of_zeros() -> None:
    with Session() as session:
        session.handle_open(0)
        for right in (b"SM\r\n", bytearray(b"SM\r\n"), memoryview(b"SM\r\n")):
            session.handle_input(1, right)
        wrong: Any
        for wrong in (5, "SM", None):
            with pytest.raises(TypeError, match="bytes-like object is required"):
                session.handle_input(1, wrong)


def test_a_session_takes_whole_milliseconds_of_a_clock() -> None:
    untyped: Any = 1.5
    with Session() as session:
        with pytest.raises(TypeError, match="whole number of milliseconds"):
            session.handle_open(untyped)
        with pytest.raises(InvalidArgument):
            session.handle_open(-1)
        with pytest.raises(InvalidArgument):
            session.handle_open(2**64 - 1)
    with pytest.raises(HandleClosed, match="this session was closed"):
        session.poll_output()
    assert issubclass(HandleClosed, MisuseError)
