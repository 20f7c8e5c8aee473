//! Drives the session from an event loop of one's own, here calloop's, without a thread and without a blocking call:
//! `cargo run --example own_loop -- /dev/ttyS0`
//!
//! The library does no input or output here but to open the port. It is given bytes and the time, and gives bytes, events
//! and one deadline; after every call everything is taken out of it.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::process::ExitCode;
use std::time::Instant;

use apcsmart::serial::{self, Cable};
use apcsmart::{Event, Output, Session, SessionConfig, Time};
use calloop::generic::Generic;
use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventLoop, Interest, LoopHandle, LoopSignal, Mode, PostAction, RegistrationToken};

fn main() -> ExitCode {
    let address = std::env::args().nth(1).unwrap_or("/dev/ttyS0".to_owned());
    match run(&address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(address: &str) -> Result<(), Box<dyn std::error::Error>> {
    let port = serial::open(address, Cable::default())?;
    let mut event_loop: EventLoop<'static, Program> = EventLoop::try_new()?;
    let mut program = Program {
        port: port.try_clone()?,
        session: Session::new(SessionConfig::default()),
        begin: Instant::now(),
        timer: None,
        handle: event_loop.handle(),
        stop: event_loop.get_signal(),
        fault: None,
    };
    let source = Generic::new(port, Interest::READ, Mode::Level);
    event_loop.handle().insert_source(source, |_, _, program| Ok(program.readable()))?;
    program.session.handle_open(program.now());
    program.drain();
    event_loop.run(None, &mut program, |_| {})?;
    serial::release(&program.port);
    program.fault.map_or(Ok(()), |fault| Err(fault.into()))
}

/// What the loop owns.
struct Program {
    port: File,
    session: Session,
    /// The origin of the session's time.
    begin: Instant,
    timer: Option<RegistrationToken>,
    handle: LoopHandle<'static, Program>,
    stop: LoopSignal,
    fault: Option<io::Error>,
}

impl Program {
    fn now(&self) -> Time {
        Time::from_millis(self.begin.elapsed().as_millis() as u64)
    }

    fn readable(&mut self) -> PostAction {
        let mut buffer = [0; 512];
        match self.port.read(&mut buffer) {
            // A terminal that hung up stays readable for ever: the source must go.
            Ok(0) => return self.fail(ErrorKind::UnexpectedEof.into()),
            Ok(count) => self.session.handle_input(self.now(), &buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return self.fail(error),
        }
        self.drain();
        PostAction::Continue
    }

    /// Takes everything out of the session and arms the timer for its deadline.
    fn drain(&mut self) {
        let deadline = loop {
            match self.session.poll_output() {
                Output::Transmit(bytes) => {
                    // A terminal takes thousands of bytes, a question is one or two.
                    if let Err(error) = self.port.write_all(&bytes) {
                        self.fail(error);
                    }
                }
                Output::Event(event) => self.show(event),
                Output::Timeout(deadline) => break deadline,
            }
        };
        if let Some(timer) = self.timer.take() {
            self.handle.remove(timer);
        }
        if deadline == Time::NEVER {
            return;
        }
        let timer = Timer::from_duration(deadline.since(self.now()));
        let inserted = self.handle.insert_source(timer, |_, _, program| {
            program.timer = None;
            program.session.handle_timeout(program.now());
            program.drain();
            TimeoutAction::Drop
        });
        match inserted {
            Ok(timer) => self.timer = Some(timer),
            Err(error) => drop(self.fail(error.error.into())),
        }
    }

    fn show(&mut self, event: Event) {
        match event {
            Event::Status(status) => println!("status: {}", status.tokens()),
            Event::Diagnosis(diagnosis) => println!("no UPS: {diagnosis}"),
            Event::ScanComplete => {
                self.session.readings().for_each(|(name, value)| println!("{name}: {value}"));
                println!("everything was read once");
                self.stop.stop();
            }
            _ => {}
        }
    }

    fn fail(&mut self, error: io::Error) -> PostAction {
        self.fault = Some(error);
        self.stop.stop();
        PostAction::Remove
    }
}
