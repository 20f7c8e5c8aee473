"""Ending a wait from outside: another thread, a signal, Ctrl-C."""

import os
import signal
import subprocess
import sys
import threading
from typing import Callable, List

import pytest
from apcsmart import (
    ApcSmartError,
    HandleInUse,
    Interrupted,
    OrderDone,
    OtherProcess,
    OutcomeKind,
    Port,
    Result,
)
from simulated import DEADLINE, SimulatedUps, until


def ended_by_interrupt(port: Port, wait: Callable[[], object]) -> ApcSmartError:
    """What a wait in another thread ends with."""
    ends: List[ApcSmartError] = []

    def is_inside() -> bool:
        try:
            port.link
        except HandleInUse:
            return True
        return bool(ends)

    def waits() -> None:
        try:
            wait()
        except ApcSmartError as error:
            ends.append(error)

    thread = threading.Thread(target=waits)
    thread.start()
    until(is_inside, "the other thread to be inside")
    port.interrupt()
    thread.join(DEADLINE)
    assert not thread.is_alive()
    return ends[0]


def test_another_thread_can_end_every_wait(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        for wait in (lambda: port.serve(600), lambda: list(port.events())):
            end = ended_by_interrupt(port, wait)
            assert isinstance(end, Interrupted)
            assert end.code == Result.INTERRUPTED
            assert "was interrupted" in str(end)
        port.serve(0.05)
        assert port["ups.model"] == "SMART-UPS 1500"


def test_an_order_whose_wait_was_ended_goes_on_and_tells_its_end(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        simulated.control("mute on")
        assert isinstance(ended_by_interrupt(port, lambda: port.set("ups.id", "RACK9")), Interrupted)
        done = next(event for event in port.events(timeout=DEADLINE) if isinstance(event, OrderDone))
        assert done.outcome.kind in (OutcomeKind.TIMED_OUT, OutcomeKind.INTERRUPTED)


def test_what_was_asked_for_while_nothing_waited_ends_the_next_wait_alone(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        port.interrupt()
        port.interrupt()
        with pytest.raises(Interrupted):
            port.serve(600)
        port.serve(0.05)
    port.interrupt()


def test_a_closed_port_takes_interruptions_from_all_sides(simulated: SimulatedUps) -> None:
    port = Port.open(simulated.path)
    over = threading.Event()

    def hammer() -> None:
        while not over.is_set():
            port.interrupt()

    threads = [threading.Thread(target=hammer) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        with pytest.raises(Interrupted):
            port.serve(600)
    port.close()
    over.set()
    for thread in threads:
        thread.join()


WAITS = [
    "ups.serve(600)",
    "ups.wait_event()",
    "list(ups.events())",
    "ups.wait_ready(600)",
    "ups.set('ups.id', 'RACK5')",
    "ups.run('test.battery.start', confirm=True)",
]


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c_ends_a_wait_at_once(simulated: SimulatedUps, wait: str) -> None:
    program = (
        "import sys, apcsmart\n"
        "with apcsmart.Port.open(sys.argv[1]) as ups:\n"
        "    list(ups.events(timeout=0))\n"
        "    print('open', flush=True)\n"
        "    sys.stdin.readline()\n"
        "    try:\n"
        "        print('waiting', flush=True)\n"
        f"        while True: {wait}\n"
        "    except KeyboardInterrupt:\n"
        "        print('ended', ups.closed)\n"
    )
    command = [sys.executable, "-X", "dev", "-c", program, simulated.path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        watchdog = threading.Timer(DEADLINE, running.kill)
        watchdog.start()
        try:
            assert running.stdin is not None and running.stdout is not None
            assert running.stdout.readline() == "open\n"
            # From here on nothing but the signal would end the wait.
            simulated.control("mute on")
            running.stdin.write("\n")
            running.stdin.flush()
            assert running.stdout.readline() == "waiting\n"
            running.send_signal(signal.SIGINT)
            assert running.stdout.read() == "ended False\n"
        finally:
            watchdog.cancel()
            running.kill()
    assert running.returncode == 0


def test_a_child_after_a_fork_can_not_talk_on_the_parents_line_nor_unlock_it(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            said = "nothing"
            try:
                port.serve(1)
            except OtherProcess as error:
                said = str(error)
            except BaseException as error:
                said = repr(error)
            try:
                port.close()
            finally:
                os.write(writer, said.encode())
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            assert f"belongs to the process that opened it, {os.getpid()}" in pipe.read()
        os.waitpid(child, 0)
        # The lock is the parent's still.
        again = [sys.executable, "-c", "import sys, apcsmart; apcsmart.Port.open(sys.argv[1], timeout=0)"]
        refused = subprocess.run([*again, simulated.path], capture_output=True, text=True)
        assert "PortInUse" in refused.stderr
        port.serve(0.1)
        assert port["ups.model"] == "SMART-UPS 1500"
