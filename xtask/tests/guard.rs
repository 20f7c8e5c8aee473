//! Programs that a task starts end with it, even when the task is killed without a chance to clean up.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const XTASK: &str = env!("CARGO_BIN_EXE_xtask");
/// Far more than the kernel needs on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

fn ends(pid: u32) -> bool {
    let stat = format!("/proc/{pid}/stat");
    let gone = || {
        // A zombie has ended; who has to collect it is not our subject.
        std::fs::read_to_string(Path::new(&stat)).map_or(true, |stat| stat.contains(") Z "))
    };
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if gone() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

#[test]
fn a_guarded_program_ends_when_its_task_is_killed() {
    let script = format!("'{XTASK}' guard $$ sh -c 'echo $$; exec sleep 1000' & wait");
    let mut task = Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(task.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let guarded: u32 = line.trim().parse().unwrap();
    task.kill().unwrap();
    task.wait().unwrap();
    assert!(ends(guarded), "process {guarded} outlived the task that started it");
}

#[test]
fn a_guard_whose_task_is_gone_already_starts_nothing() {
    let not_the_parent = "1";
    let output = Command::new(XTASK).args(["guard", not_the_parent, "echo", "started"]).output().unwrap();
    assert!(!output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

#[test]
fn a_guarded_program_gets_its_arguments_and_gives_its_status() {
    let own = std::process::id().to_string();
    let output =
        Command::new(XTASK).args(["guard", &own, "sh", "-c", "echo \"$0\"; exit 7", "--flag x"]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "--flag x\n");
}
