"""Commands and settings, and the truth about them."""

from typing import List

import pytest
from apcsmart import (
    Event,
    InvalidCommandArgument,
    InvalidValue,
    NeedsConfirmation,
    NotOnThisUps,
    OrderDone,
    Outcome,
    OutcomeKind,
    Port,
    ReadOnly,
    Refused,
    Result,
    StatusChanged,
    UnknownCommand,
    UnknownSetting,
)
from conftest import Start
from simulated import SimulatedUps


def test_a_command_that_was_carried_out_says_so(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        outcome = port.run("test.battery.start", confirm=True)
        assert outcome.kind in (OutcomeKind.EXECUTED, OutcomeKind.ACCEPTED)
        assert outcome
        assert outcome.succeeded
        assert outcome.text == str(outcome) != ""


def test_what_happens_while_a_command_runs_is_told_afterwards(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        list(port.events(timeout=0))
        simulated.control("line off")
        port.run("test.panel.start")
        seen: List[Event] = []
        while not any(isinstance(event, StatusChanged) for event in seen):
            event = port.wait_event(timeout=30)
            assert event is not None
            seen.append(event)
        assert not any(isinstance(event, OrderDone) for event in seen), "its end was told as the outcome"


def test_a_command_that_can_take_power_from_the_load_must_be_confirmed(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        with pytest.raises(NeedsConfirmation, match="can take power from the load") as caught:
            port.run("shutdown.return")
        assert caught.value.code == Result.NEEDS_CONFIRMATION
        assert isinstance(caught.value, Refused)


def test_orders_that_can_not_be_are_refused_each_for_its_reason(start: Start) -> None:
    with Port.open(start("--model", "back-ups-cs-350").path) as port:
        with pytest.raises(NotOnThisUps, match="this UPS does not have the command"):
            port.run("calibrate.start", confirm=True)
    with Port.open(start().path) as port:
        with pytest.raises(UnknownCommand, match="no.such"):
            port.run("no.such")
        with pytest.raises(InvalidCommandArgument):
            port.run("shutdown.return", "1000", confirm=True)
        with pytest.raises(UnknownSetting, match="no.such"):
            port.set("no.such", 1)
        with pytest.raises(ReadOnly):
            port.set("ups.model", "x")
        with pytest.raises(InvalidValue):
            port.set("input.transfer.low", 1)


def test_a_setting_is_written_once_and_read_back(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        assert port["ups.id"] != "RACK1"
        assert port.set("ups.id", "RACK1").kind == OutcomeKind.VERIFIED
        assert port["ups.id"] == "RACK1"
        again = port.set("ups.id", "RACK1")
        assert again == Outcome(OutcomeKind.UNCHANGED, again.text, True)
        assert again.text


@pytest.mark.parametrize("value", [200, 200.0, "200"])
def test_a_number_is_set_as_the_settings_own_choice_writes_it(simulated: SimulatedUps, value: object) -> None:
    assert isinstance(value, (int, float, str))
    with Port.open(simulated.path) as port:
        assert port.set("input.transfer.low", value).kind == OutcomeKind.VERIFIED
        assert port["input.transfer.low"] == 200


def test_an_order_that_failed_is_an_outcome_that_is_false(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        simulated.control("mute on")
        outcome = port.set("ups.id", "RACK2")
        assert not outcome
        assert outcome.kind in (OutcomeKind.TIMED_OUT, OutcomeKind.INTERRUPTED, OutcomeKind.REFUSED)
        assert outcome.text


def test_writes_to_the_eeprom_are_counted(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        assert port.quality.eeprom_writes == 0
        port.set("ups.id", "RACK1")
        once = port.quality.eeprom_writes
        assert once >= 1
        assert port.set("ups.id", "RACK1").kind == OutcomeKind.UNCHANGED
        assert port.quality.eeprom_writes == once
