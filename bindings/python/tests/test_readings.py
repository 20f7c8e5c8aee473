"""What a blocking port tells of a UPS."""

import pytest
from apcsmart import Link, NotKnown, Port, Reading, Status, Writable
from conftest import Start
from simulated import SimulatedUps


def test_a_port_is_a_mapping_of_what_the_ups_says(simulated: SimulatedUps) -> None:
    simulated.control("charge 64")
    with Port.open(simulated.path) as port:
        assert port["battery.charge"] == 64.0
        assert isinstance(port["battery.charge"], float)
        assert port["ups.model"] == "SMART-UPS 1500"
        assert port["battery.voltage.nominal"] == 24
        assert isinstance(port["battery.voltage.nominal"], int)
        assert "ups.load" in port
        assert "no.such.reading" not in port
        assert port.get("no.such.reading", 7) == 7
        assert dict(port) == {name: reading.value for name, reading in port.readings.items()}
        assert len(port) == len(list(port)) > 20
        assert list(port) == sorted(port)


def test_what_the_port_says_is_what_a_perfect_reader_would(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        truth = dict(line.split(": ", 1) for line in simulated.control("truth") if ": " in line)
        for name in ("ups.id", "ups.firmware", "battery.date", "battery.voltage.nominal", "input.transfer.low"):
            assert port.reading(name).text == truth[name], name


def test_a_reading_has_its_text_and_its_unit(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        assert port.reading("battery.charge") == Reading("battery.charge", 100.0, "100.0", "%")
        assert str(port.reading("battery.charge")) == "battery.charge: 100.0 %"


def test_a_reading_that_this_ups_has_not_is_a_key_error_with_a_sentence(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        with pytest.raises(NotKnown, match="^this UPS has no reading 'no.such'") as caught:
            port["no.such"]
        assert isinstance(caught.value, KeyError)


def test_the_status_is_flags_with_tokens(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        assert Status.ON_LINE in port.status
        assert port.link == Link.UP
        simulated.control("charge 5")
        simulated.control("line off")
        while Status.LOW_BATTERY not in port.status:
            port.serve(0.05)
        assert Status.ON_BATTERY in port.status
        assert port.status.tokens == ("OB", "LB")
        assert str(port.status) == "OB LB" == port["ups.status"]


def test_a_status_bit_of_a_newer_library_is_kept() -> None:
    status = Status(0x8000_0008)
    assert Status.ON_LINE in status
    assert int(status) == 0x8000_0008
    assert status.tokens == ("OL",)


def test_commands_say_what_they_do_and_whether_they_are_dangerous(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        assert "test.battery.start" in port.commands
        assert port.commands["shutdown.return"].needs_confirmation
        assert not port.commands["calibrate.stop"].needs_confirmation
        assert all(command.meaning for command in port.commands.values())


def test_settings_have_their_choices(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        low = port.settings["input.transfer.low"]
        assert (low.writable, low.unit) == (Writable.CHOICE, "V")
        assert low.choices == port.choices("input.transfer.low") == ("208", "204", "200", "196")
        name = port.setting("ups.id")
        assert (name.writable, name.choices, name.text_max) == (Writable.TEXT, (), 8)
        assert port.setting("ups.model").writable == Writable.NO
        with pytest.raises(NotKnown):
            port.choices("no.such")


def test_the_silence_and_what_was_counted_are_known(simulated: SimulatedUps) -> None:
    with Port.open(simulated.path) as port:
        before = port.quality
        while port.quality.answered == before.answered:
            port.serve(0.05)
        assert port.quality.sent > before.sent
        assert port.silence is not None
        assert port.silence < 30


def test_a_serial_server_is_read_as_a_port_is(simulated: SimulatedUps) -> None:
    with Port.open(simulated.tcp) as port:
        assert port["ups.model"] == "SMART-UPS 1500"


def test_another_model_has_other_readings(start: Start) -> None:
    with Port.open(start("--model", "matrix-3000").path) as port:
        assert port["ups.model"] == "Matrix-UPS 3000"
        names = set(port)
    with Port.open(start().path) as port:
        assert set(port) - names and names - set(port)


def test_commands_of_which_nobody_knows_what_they_do_are_listed_and_never_sent(start: Start) -> None:
    ups = start("--model", "smart-ups-rt-1000")
    with Port.open(ups.path) as port:
        assert "^E" in port.unknown_commands
        assert any(code.startswith("81 ") for code in port.unknown_commands)
        assert len(set(port.unknown_commands)) == len(port.unknown_commands)
    with Port.open(start().path) as port:
        assert port.unknown_commands == (")",)
