"""A UPS in asyncio programs."""

import asyncio
import gc
import os
from typing import Any, Coroutine, List

import pytest
from apcsmart import (
    Busy,
    Event,
    HandleClosed,
    HungUp,
    InvalidAddress,
    InvalidArgument,
    Link,
    LinkChanged,
    NeedsConfirmation,
    NoAnswer,
    NoSuchPort,
    NotAPort,
    OrderDone,
    OutcomeKind,
    Port,
    PortInUse,
    Status,
    StatusChanged,
    aio,
)
from simulated import DEADLINE, SimulatedUps


def run(main: "Coroutine[Any, Any, None]") -> None:
    """Runs a test's program; one that hangs fails."""

    async def limited() -> None:
        await asyncio.wait_for(main, DEADLINE)

    asyncio.run(limited(), debug=True)


@pytest.mark.parametrize("line", ["path", "tcp"])
def test_a_ups_is_read_watched_and_ordered(simulated: SimulatedUps, line: str) -> None:
    async def main() -> None:
        async with aio.open(getattr(simulated, line)) as ups:
            assert ups["battery.charge"] == 100.0
            assert ups.status == Status.ON_LINE
            assert ups.link == Link.UP
            assert "test.battery.start" in ups.commands
            assert ups.silence is not None
            outcome = await ups.set("input.transfer.low", 200)
            assert outcome.kind == OutcomeKind.VERIFIED
            with pytest.raises(NeedsConfirmation):
                await ups.run("shutdown.return")
            events = ups.events()
            simulated.control("line off")
            async for event in events:
                if isinstance(event, StatusChanged):
                    assert event.text == "OB"
                    break

    run(main())


def test_the_loop_goes_on_while_the_ups_is_served(simulated: SimulatedUps) -> None:
    async def main() -> None:
        async with aio.open(simulated.path) as ups:
            outcome, _ = await asyncio.gather(ups.run("test.battery.start", confirm=True), asyncio.sleep(0))
            assert outcome

    run(main())


def test_every_listener_gets_every_event(simulated: SimulatedUps) -> None:
    async def until_battery(events: aio.Events) -> List[Event]:
        seen = []
        async for event in events:
            seen.append(event)
            if isinstance(event, StatusChanged):
                break
        return seen

    async def main() -> None:
        async with aio.open(simulated.path) as ups:
            listeners = [ups.events(), ups.events()]
            simulated.control("line off")
            first, second = await asyncio.gather(*map(until_battery, listeners))
            assert first == second

    run(main())


def test_a_ups_that_is_unplugged_ends_every_wait_with_the_reason(simulated: SimulatedUps) -> None:
    async def main() -> None:
        async with aio.open(simulated.path) as ups:
            events = ups.events()
            simulated.control("unplug 600")
            seen = []
            with pytest.raises(HungUp, match="hung up"):
                async for event in events:
                    seen.append(event)
            assert LinkChanged(Link.CLOSED) in seen
            assert ups["ups.model"] == "SMART-UPS 1500", "readings keep their last values"
            with pytest.raises(HungUp):
                await ups.run("test.panel.start")
            with pytest.raises(HungUp):
                async for _ in ups.events():
                    pass

    run(main())


def test_an_order_under_way_when_the_line_goes_ends_as_interrupted(simulated: SimulatedUps) -> None:
    async def main() -> None:
        async with aio.open(simulated.path) as ups:
            simulated.control("mute on")
            order = asyncio.create_task(ups.set("ups.id", "RACK4"))
            await asyncio.sleep(0)
            simulated.control("unplug 600")
            outcome = await order
            assert outcome.kind == OutcomeKind.INTERRUPTED
            assert not outcome

    run(main())


def test_cancelling_an_order_stops_the_waiting_and_not_the_order(simulated: SimulatedUps) -> None:
    async def main() -> None:
        async with aio.open(simulated.path) as ups:
            events = ups.events()
            order = asyncio.create_task(ups.set("ups.id", "RACK8"))
            await asyncio.sleep(0)
            order.cancel()
            with pytest.raises(asyncio.CancelledError):
                await order
            async for event in events:
                if isinstance(event, OrderDone):
                    assert event.outcome.kind == OutcomeKind.VERIFIED
                    break
            assert (await ups.set("ups.id", "RACK8")).kind == OutcomeKind.UNCHANGED

    run(main())


def test_cancelling_an_opening_gives_the_port_back_at_every_moment(simulated: SimulatedUps) -> None:
    async def use() -> None:
        async with aio.open(simulated.path):
            await asyncio.sleep(DEADLINE)

    async def main() -> None:
        for turns in (0, 1, 2, 10, 200):
            user = asyncio.create_task(use())
            for _ in range(turns):
                await asyncio.sleep(0)
            user.cancel()
            with pytest.raises(asyncio.CancelledError):
                await user
            async with aio.open(simulated.path, timeout=0) as ups:
                assert not ups.closed

    run(main())


def test_closing_ends_every_wait_of_other_tasks(simulated: SimulatedUps) -> None:
    async def main() -> None:
        ups = await aio.open(simulated.path)
        simulated.control("mute on")
        order = asyncio.create_task(ups.set("ups.id", "RACK7"))
        refused = asyncio.create_task(ups.set("ups.id", "RACK6"))
        await asyncio.sleep(0)
        await ups.close()
        assert (await order).kind == OutcomeKind.INTERRUPTED
        with pytest.raises(Busy):
            await refused

    run(main())


def test_a_closed_ups_ends_its_iterators_and_gives_the_port_back(simulated: SimulatedUps) -> None:
    async def main() -> None:
        ups = await aio.open(simulated.path)
        events = ups.events()
        with pytest.raises(PortInUse):
            await aio.open(simulated.path)
        await ups.close()
        await ups.close()
        assert [event async for event in events if isinstance(event, StatusChanged)] == []
        with pytest.raises(HandleClosed):
            ups["ups.model"]
        with pytest.raises(HandleClosed):
            await ups.run("test.panel.start")

    run(main())
    Port.open(simulated.path).close()


def test_ports_that_can_not_be_opened_say_why(simulated: SimulatedUps, tmp_path: "os.PathLike[str]") -> None:
    async def main() -> None:
        with pytest.raises(NoSuchPort):
            await aio.open(os.path.join(tmp_path, "ttyUSB9"))
        with pytest.raises(NotAPort):
            await aio.open(os.fspath(tmp_path))
        for address in ("", "udp://host:1", "tcp://host", "tcp://host:seventy"):
            with pytest.raises(InvalidAddress):
                await aio.open(address)
        with pytest.raises(InvalidArgument):
            await aio.open(simulated.path, cable="940-0020B")
        simulated.control("mute on")
        with pytest.raises(NoAnswer, match=r"no UPS answered on .* in 0\.3 s"):
            await aio.open(simulated.path, timeout=0.3)

    run(main())


@pytest.mark.parametrize("line", ["path", "tcp"])
@pytest.mark.filterwarnings("ignore:(unclosed (transport|<socket)|loop is closed)")
def test_a_forgotten_ups_is_closed_with_a_warning(simulated: SimulatedUps, line: str) -> None:
    kept: List[aio.Ups] = []

    async def main() -> None:
        kept.append(await aio.open(getattr(simulated, line)))

    run(main())
    with pytest.warns(ResourceWarning, match="unclosed UPS"):
        kept.clear()
        gc.collect()
    Port.open(simulated.path).close()
