//! What users complained about elsewhere, each by the number of its report.

use super::*;

/// On line, with the reason of a transfer that UPSes have from the start.
fn with_reason(rules: Rules) -> Bench {
    let mut bench = Bench::live_with(rules);
    bench.read("input.transfer.reason", "no transfer since power-on");
    bench
}

#[test]
fn nut_2104_a_commanded_self_test_is_no_outage_and_no_shutdown() {
    let mut bench = with_reason(Rules::default());
    bench.order("test.battery.start");
    bench.run(seconds(1));
    for status in ["OB", "OFF", "OB", "OB LB", "OB", "OFF"] {
        bench.status(status);
        assert_eq!(bench.shown(), "OL", "{status}");
        bench.run(seconds(1));
        assert_eq!(bench.shown(), "OL", "{status}");
    }
    assert_eq!(bench.value("battery.charger.status").as_deref(), Some("discharging"), "and that is told");
    assert_eq!(bench.value("ups.mode").as_deref(), Some("battery test"));
    bench.status("OL");
    bench.run(seconds(2));
    bench.read("ups.test.result", "OK");
    assert_eq!(bench.kinds(), ["ups.test-started", "ups.test-passed"]);
    assert_eq!(bench.value("ups.outage.count").as_deref(), Some("0"));
}

#[test]
fn nut_2104_the_alert_may_overtake_the_word_that_a_test_was_ordered() {
    let mut bench = with_reason(Rules::default());
    let at = bench.now;
    bench.wait(Duration::from_millis(30));
    bench.status("OB");
    bench.give(Input::Order { command: "test.battery.start".into(), at });
    assert_eq!(bench.shown(), "OL");
    assert_eq!(bench.kinds(), ["ups.on-battery", "ups.test-started", "ups.on-line"]);
    assert_eq!(bench.value("ups.outage.count").as_deref(), Some("0"));
}

#[test]
fn nut_2104_a_scheduled_self_test_is_told_by_its_reason() {
    let mut bench = with_reason(Rules::default());
    bench.status("OB");
    assert_eq!(bench.shown(), "OB", "it could be anything");
    bench.run(seconds(2));
    bench.read("input.transfer.reason", "self test or simulated failure");
    assert_eq!(bench.shown(), "OL");
    assert_eq!(bench.value("ups.test.result").as_deref(), Some("In progress"));
    bench.run(seconds(6));
    bench.status("OL");
    bench.run(seconds(3));
    bench.read("ups.test.result", "OK");
    let happenings = bench.happenings();
    let kinds: Vec<_> = happenings.iter().map(|happening| happening.kind.name).collect();
    assert_eq!(kinds, ["ups.on-battery", "ups.test-started", "ups.on-line", "ups.test-passed"]);
    assert_eq!(field(&happenings[1], "origin"), Some("ups"));
    assert_eq!(field(&happenings[2], "cause"), Some("self-test"));
    assert_eq!(bench.value("ups.outage.count").as_deref(), Some("0"));
}

#[test]
fn nut_2104_the_second_scheduled_self_test_with_the_same_reason_is_no_outage_in_the_statistics() {
    let mut bench = with_reason(Rules::default());
    bench.read("input.transfer.reason", "self test or simulated failure");
    bench.run(seconds(60));
    bench.status("OB");
    bench.run(seconds(8));
    bench.status("OL");
    assert_eq!(bench.value("ups.outage.count").as_deref(), Some("1"), "not known yet");
    bench.run(seconds(20));
    assert_eq!(bench.value("ups.outage.count").as_deref(), Some("0"));
    bench.read("ups.test.result", "NG");
    assert_eq!(bench.kinds(), ["ups.on-battery", "ups.on-line", "ups.test-failed"]);
}

#[test]
fn nut_2104_an_outage_after_a_self_test_has_another_reason_and_counts() {
    let mut bench = with_reason(Rules::default());
    bench.read("input.transfer.reason", "self test or simulated failure");
    bench.run(seconds(60));
    bench.status("OB");
    bench.run(seconds(8));
    bench.read("input.transfer.reason", "mains voltage too low");
    bench.status("OL");
    bench.run(seconds(30));
    assert_eq!(bench.value("ups.outage.count").as_deref(), Some("1"));
    assert_eq!(bench.value("ups.outage.last.reason").as_deref(), Some("mains voltage too low"));
    assert_eq!(bench.kinds(), ["ups.on-battery", "ups.on-line"]);
}

#[test]
fn nut_2278_an_outage_during_a_self_test_is_told_when_the_test_should_be_over() {
    let mut bench = with_reason(Rules::default());
    bench.order("test.battery.start");
    bench.status("OB");
    bench.run(seconds(59));
    assert_eq!(bench.shown(), "OL");
    bench.run(seconds(2));
    assert_eq!(bench.shown(), "OB");
    assert_eq!(bench.kinds(), ["ups.test-started", "ups.on-battery"]);
}

#[test]
fn nut_2278_an_outage_during_a_self_test_is_told_as_soon_as_the_reason_says_so() {
    let mut bench = with_reason(Rules::default());
    bench.order("test.battery.start");
    bench.status("OB");
    bench.run(seconds(2));
    bench.read("input.transfer.reason", "self test or simulated failure");
    assert_eq!(bench.shown(), "OL");
    bench.read("input.transfer.reason", "notch or spike on mains");
    assert_eq!(bench.shown(), "OB");
    bench.read("input.transfer.reason", "self test or simulated failure");
    assert_eq!(bench.shown(), "OB", "it can't become a test again");
}

#[test]
fn nut_2278_an_outage_during_a_self_test_is_told_when_mains_is_seen_dead() {
    let mut bench = with_reason(Rules::default());
    bench.read("input.transfer.low", "208");
    bench.order("test.battery.start");
    bench.status("OB");
    bench.read("input.voltage", "207.0");
    assert_eq!(bench.shown(), "OL", "a sag is no outage");
    bench.read("input.voltage", "0.0");
    assert_eq!(bench.shown(), "OB");
}

#[test]
fn nut_2278_an_outage_during_a_self_test_does_not_wait_for_the_delay_of_the_battery_again() {
    let mut bench = with_reason(Rules { on_battery_delay: seconds(30), ..Rules::default() });
    bench.order("test.battery.start");
    bench.status("OB");
    bench.run(seconds(61));
    assert_eq!(bench.shown(), "OB");
}

#[test]
fn nut_2168_a_stale_calibration_flag_does_not_hide_an_empty_battery() {
    let mut bench = Bench::live();
    bench.status("OL CAL");
    bench.run(seconds(3600));
    assert_eq!(bench.kinds(), ["ups.calibration"]);
    bench.status("OB CAL");
    assert_eq!(bench.shown(), "OB", "this is not what the calibration did an hour ago");
    bench.status("OB LB CAL");
    bench.run(seconds(4));
    assert_eq!(bench.shown(), "OB LB");
    assert_eq!(
        bench.kinds(),
        ["ups.calibration-stale", "ups.on-battery", "ups.calibration-cleared", "ups.low-battery"]
    );
}

#[test]
fn nut_2168_a_low_battery_that_lasts_ends_a_calibration() {
    let mut bench = Bench::live();
    bench.order("calibrate.start");
    bench.status("OB");
    assert_eq!(bench.shown(), "CAL OB", "the alert comes before the flag");
    bench.status("OB CAL");
    bench.run(seconds(600));
    assert_eq!(bench.kinds(), ["ups.calibration"]);
    bench.status("OB CAL LB");
    bench.run(seconds(14));
    assert_eq!(bench.shown(), "CAL OB");
    bench.run(seconds(2));
    assert_eq!(bench.shown(), "OB LB");
    let expected = ["ups.calibration-stale", "ups.on-battery", "ups.low-battery", "ups.calibration-cleared"];
    assert_eq!(bench.kinds(), expected);
}

#[test]
fn nut_2168_a_calibration_flag_that_is_never_taken_back_times_out() {
    let mut bench = Bench::live();
    bench.status("OL CAL");
    bench.run(Rules::default().calibration_limit);
    assert_eq!(bench.shown(), "OL");
    assert_eq!(bench.kinds(), ["ups.calibration", "ups.calibration-stale", "ups.calibration-cleared"]);
    bench.status("OL");
    bench.status("OL CAL");
    assert_eq!(bench.shown(), "CAL OL", "the next one is believed");
}

#[test]
fn nut_2347_bursts_of_low_and_replace_battery_are_no_events() {
    let mut bench = Bench::live();
    for _ in 0..20 {
        bench.status("OL LB RB");
        bench.run(seconds(2));
        bench.status("OL");
        bench.run(seconds(300));
    }
    assert_eq!(bench.kinds(), [""; 0]);
    bench.status("OL RB");
    bench.run(seconds(61));
    assert_eq!(bench.kinds(), ["ups.replace-battery"]);
}

#[test]
fn nut_2347_a_low_battery_that_flickers_for_long_is_told() {
    let mut bench = Bench::live();
    bench.status("OB");
    for _ in 0..8 {
        bench.status("OB LB");
        bench.run(seconds(1));
        bench.status("OB");
        bench.run(seconds(1));
    }
    assert_eq!(bench.kinds(), ["ups.on-battery", "ups.low-battery"]);
    assert_eq!(bench.shown(), "OB LB");
}

#[test]
fn a_battery_date_that_is_lost_for_a_while_is_no_new_battery() {
    let mut bench = Bench::live();
    bench.read("battery.date", "03/14/07");
    for none in ["UNKNOWN", "00/00/00", ""] {
        bench.read("battery.date", none);
    }
    bench.read("battery.date", "03/14/07");
    assert_eq!(bench.kinds(), [""; 0]);
    bench.read("battery.date", "11/22/26");
    assert_eq!(bench.kinds(), ["ups.battery-replaced"]);
}

#[test]
fn nut_2999_a_new_battery_date_clears_replace_battery_and_a_later_wish_is_told_again() {
    let mut bench = Bench::live();
    bench.read("battery.date", "03/14/07");
    bench.status("OL RB");
    bench.run(seconds(61));
    assert_eq!(bench.shown(), "OL RB");
    bench.read("battery.date", "11/22/26");
    assert_eq!(bench.shown(), "OL");
    let kinds = bench.kinds();
    assert_eq!(kinds, ["ups.replace-battery", "ups.battery-replaced", "ups.replace-battery-cleared"]);
    bench.restart();
    bench.give(Input::PortOpened);
    bench.status("OL RB");
    bench.run(seconds(20 * 3600));
    assert_eq!(bench.kinds(), ["ups.comm-established"], "also over a restart");
    bench.run(seconds(5 * 3600));
    assert_eq!(bench.kinds(), ["ups.replace-battery"], "but not for ever");
}

#[test]
fn nut_2999_a_passed_self_test_clears_replace_battery_and_a_failed_one_brings_it_back() {
    let mut bench = Bench::live();
    bench.status("OL RB");
    bench.run(seconds(61));
    bench.kinds();
    for (result, shown) in [("OK", "OL"), ("BT", "OL RB")] {
        bench.order("test.battery.start");
        bench.status("OB RB");
        bench.run(seconds(8));
        bench.status("OL RB");
        bench.run(seconds(1));
        bench.read("ups.test.result", result);
        bench.run(seconds(61));
        assert_eq!(bench.shown(), shown, "{result}");
    }
    assert_eq!(
        bench.kinds(),
        [
            "ups.test-started",
            "ups.test-passed",
            "ups.replace-battery-cleared",
            "ups.test-started",
            "ups.test-failed",
            "ups.replace-battery",
        ]
    );
}

#[test]
fn nut_3205_replace_battery_is_not_believed_during_a_self_test() {
    let mut bench = Bench::live_with(Rules { replace_battery_delay: seconds(2), ..Rules::default() });
    bench.order("test.battery.start");
    bench.status("OB RB");
    bench.run(seconds(8));
    bench.status("OL");
    bench.run(seconds(10));
    assert_eq!(bench.kinds(), ["ups.test-started"]);
}

#[test]
fn nut_2441_the_result_of_a_self_test_outlives_the_five_minutes_of_the_ups_and_a_restart() {
    let mut bench = Bench::live();
    bench.state.set_calendar(bench.now, NOON_MS);
    bench.read("ups.test.result", "NO");
    bench.order("test.battery.start");
    bench.status("OB");
    bench.run(seconds(8));
    bench.status("OL");
    bench.read("ups.test.result", "BT");
    bench.run(seconds(400));
    bench.read("ups.test.result", "NO");
    assert_eq!(bench.value("ups.test.result").as_deref(), Some("BT"));
    assert_eq!(bench.value("ups.test.date").as_deref(), Some("2026-11-22T16:00:08Z"));
    assert!(bench.value("ups.alarm").unwrap().contains("self test failed"));
    bench.restart();
    bench.give(Input::PortOpened);
    bench.status("OL");
    bench.read("ups.test.result", "NO");
    assert_eq!(bench.value("ups.test.result").as_deref(), Some("BT"));
    assert_eq!(bench.value("ups.test.date").as_deref(), Some("2026-11-22T16:00:08Z"));
}

#[test]
fn nut_2441_a_test_without_a_result_says_so_and_one_with_the_same_result_as_before_is_told() {
    let mut bench = Bench::live();
    bench.read("ups.test.result", "OK");
    bench.kinds();
    for (result, kind) in [("OK", "ups.test-passed"), ("NO", "ups.test-ended")] {
        bench.order("test.battery.start");
        bench.status("OB");
        bench.run(seconds(8));
        bench.status("OL");
        bench.read("ups.test.result", result);
        bench.run(seconds(120));
        assert_eq!(bench.kinds(), ["ups.test-started", kind]);
    }
}

#[test]
fn nut_2822_a_moment_of_neither_on_line_nor_on_battery_is_not_off() {
    let mut bench = Bench::live();
    for _ in 0..10 {
        bench.status("OFF");
        bench.run(seconds(4));
        assert_eq!(bench.shown(), "OL");
        bench.status("OL");
        bench.run(seconds(60));
    }
    assert_eq!(bench.kinds(), [""; 0]);
    bench.status("OFF");
    bench.run(seconds(6));
    assert_eq!((bench.kinds().as_slice(), bench.shown().as_str()), (["ups.off"].as_slice(), "OFF"));
}

#[test]
fn nut_1721_a_forced_shutdown_is_shown_survives_a_restart_and_can_be_cleared() {
    let mut bench = Bench::live();
    bench.give(Input::ForcedShutdown(true));
    bench.give(Input::ForcedShutdown(true));
    assert_eq!(
        (bench.shown().as_str(), bench.kinds().as_slice()),
        ("FSD OL", ["ups.forced-shutdown"].as_slice())
    );
    assert!(bench.state.take_memory_changed());
    bench.restart();
    bench.give(Input::PortOpened);
    bench.status("OL");
    assert_eq!(bench.shown(), "FSD OL");
    assert_eq!(bench.kinds(), ["ups.comm-established"]);
    bench.give(Input::ForcedShutdown(false));
    assert_eq!(
        (bench.shown().as_str(), bench.kinds().as_slice()),
        ("OL", ["ups.forced-shutdown-cleared"].as_slice())
    );
}

#[test]
fn nut_3220_a_forced_shutdown_ends_with_the_outage_only_when_the_rule_says_so() {
    for (after, cleared) in [(None, false), (Some(seconds(60)), true)] {
        let mut bench = Bench::live_with(Rules { clear_forced_shutdown_after: after, ..Rules::default() });
        bench.status("OB");
        bench.give(Input::ForcedShutdown(true));
        bench.run(seconds(100));
        bench.status("OL");
        bench.run(seconds(59));
        assert_eq!(bench.shown(), "FSD OL");
        bench.status("OB");
        bench.status("OL");
        bench.run(seconds(59));
        assert_eq!(bench.shown(), "FSD OL", "the time begins again");
        bench.run(seconds(2));
        assert_eq!(bench.shown(), if cleared { "OL" } else { "FSD OL" });
        // One that was set while nothing was wrong stays in any case.
        bench.give(Input::ForcedShutdown(false));
        bench.give(Input::ForcedShutdown(true));
        bench.run(seconds(600));
        assert_eq!(bench.shown(), "FSD OL");
    }
}

#[test]
fn nut_661_data_is_not_stale_and_live_in_turn_while_a_port_flaps() {
    let mut bench = Bench::live();
    for _ in 0..100 {
        bench.give(Input::PortLost("gone".into()));
        bench.run(Duration::from_millis(500));
        bench.give(Input::PortOpened);
        bench.run(Duration::from_millis(500));
        bench.status("OL");
    }
    assert_eq!(bench.kinds(), [""; 0]);
}

#[test]
fn nut_643_a_simulated_power_failure_is_meant_to_look_like_one() {
    let mut bench = with_reason(Rules::default());
    bench.order("test.failure.start");
    bench.status("OB");
    bench.read("input.transfer.reason", "self test or simulated failure");
    assert_eq!(bench.shown(), "OB");
    assert_eq!(bench.kinds(), ["ups.on-battery"]);
}

#[test]
fn nut_1942_low_battery_can_be_judged_by_charge_and_runtime_instead_of_the_units_word() {
    let rules = Rules {
        ignore_low_battery: true,
        low_battery_charge: Some(30),
        low_battery_runtime: Some(seconds(240)),
        ..Rules::default()
    };
    let mut bench = Bench::live_with(rules);
    bench.read("battery.charge", "20");
    bench.run(seconds(10));
    assert_eq!(bench.shown(), "OL", "on line nothing is at risk");
    bench.read("battery.charge", "90");
    bench.read("battery.runtime", "1200");
    bench.status("OB LB");
    bench.run(seconds(60));
    assert_eq!(bench.shown(), "OB");
    bench.read("battery.runtime", "239");
    bench.run(seconds(4));
    assert_eq!(bench.shown(), "OB LB");
    assert_eq!(bench.value("battery.charge.low").as_deref(), Some("30"));
}

#[test]
fn nut_321_a_low_battery_is_told_at_once_though_the_outage_was_to_wait() {
    let mut bench = Bench::live_with(Rules { on_battery_delay: seconds(300), ..Rules::default() });
    bench.status("OB");
    bench.run(seconds(60));
    assert_eq!(bench.shown(), "OL");
    bench.status("OB LB");
    bench.run(seconds(4));
    assert_eq!(bench.shown(), "OB LB");
    assert_eq!(bench.kinds(), ["ups.on-battery", "ups.low-battery"]);
}
