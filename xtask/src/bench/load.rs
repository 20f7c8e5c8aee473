//! A closed-loop load generator for line protocols: each connection asks again as soon as it has its answer.
//!
//! One thread, one epoll, two system calls per request, so that on a machine with two cores the server has the other
//! one. Every answer is compared with what it must be; its own processor time is part of the result, because a
//! generator that is the bottleneck measures itself.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::time::{ClockId, clock_gettime};

/// A server that is silent for so long on all connections is broken, not slow.
const PATIENCE: Duration = Duration::from_secs(10);
/// What one turn of the loop takes from the kernel at most.
const EVENTS_PER_TURN: usize = 1024;
/// More than the longest answer: a list of variables.
const READ_BUFFER: usize = 64 * 1024;

/// One request and what its answer must be.
pub(crate) struct Question {
    /// With its line end.
    pub(crate) request: Vec<u8>,
    /// The answer is complete when it ends so.
    pub(crate) end: Vec<u8>,
    /// The answer, as it last was.
    pub(crate) answer: Vec<u8>,
}

/// Decides whether an answer that differs from the last one is right too: a measured value may have moved.
pub(crate) trait Judge {
    /// An error says what is wrong with `got`.
    fn judge(&self, known: &[u8], got: &[u8]) -> Result<()>;
}

/// What one run gave.
pub(crate) struct Measured {
    /// Answers that arrived while it was measured.
    pub(crate) answers: u64,
    /// For how long it was.
    pub(crate) wall: Duration,
    /// Of which the generator itself computed.
    pub(crate) own_cpu: Duration,
    /// From request to answer, sorted.
    pub(crate) latencies: Vec<Duration>,
}

impl Measured {
    /// Answers per second.
    pub(crate) fn rate(&self) -> f64 {
        self.answers as f64 / self.wall.as_secs_f64()
    }

    /// The part of one core that the generator needed, 0 to 1.
    pub(crate) fn own_load(&self) -> f64 {
        self.own_cpu.as_secs_f64() / self.wall.as_secs_f64()
    }

    /// The latency that this share (0 to 1) of the answers did not exceed.
    pub(crate) fn percentile(&self, share: f64) -> Duration {
        let index = (self.latencies.len() as f64 * share) as usize;
        self.latencies.get(index.min(self.latencies.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

/// Connects, warms up, measures. The questions go round; all connections share them.
pub(crate) fn closed_loop(
    server: SocketAddr,
    connections: usize,
    questions: &mut [Question],
    judge: &dyn Judge,
    warm_up: Duration,
    duration: Duration,
) -> Result<Measured> {
    let mut load = Load::connect(server, connections, questions, judge)?;
    load.run(warm_up)?;
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    let mut measured = load.run(duration)?;
    measured.own_cpu = since(cpu, clock_gettime(ClockId::ProcessCPUTime));
    measured.latencies.sort_unstable();
    Ok(measured)
}

struct Load<'a> {
    epoll: rustix::fd::OwnedFd,
    connections: Vec<Connection>,
    questions: &'a mut [Question],
    judge: &'a dyn Judge,
    next_question: usize,
    buffer: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    question: usize,
    asked: Instant,
    /// What came of an answer that is not complete yet.
    partial: Vec<u8>,
}

impl<'a> Load<'a> {
    /// One after the other, each with a first answer, so that no server's backlog overflows.
    fn connect(
        server: SocketAddr,
        connections: usize,
        questions: &'a mut [Question],
        judge: &'a dyn Judge,
    ) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).context("epoll_create1 failed")?;
        let mut load = Self {
            epoll,
            connections: Vec::with_capacity(connections),
            questions,
            judge,
            next_question: 0,
            buffer: vec![0; READ_BUFFER],
        };
        for index in 0..connections {
            load.open(server, index)
                .with_context(|| format!("connection {} of {connections} failed", index + 1))?;
        }
        Ok(load)
    }

    fn open(&mut self, server: SocketAddr, index: usize) -> Result<()> {
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        self.connections.push(Connection { stream, question: 0, asked: Instant::now(), partial: Vec::new() });
        self.ask(index)?;
        while !self.hear(index)? {}
        let stream = &self.connections[index].stream;
        stream.set_nonblocking(true)?;
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&self.epoll, stream, data, epoll::EventFlags::IN).context("epoll_ctl failed")
    }

    fn run(&mut self, duration: Duration) -> Result<Measured> {
        let mut latencies = Vec::new();
        let patience = Timespec::try_from(PATIENCE).context("a duration that the kernel can't hold")?;
        let mut events = Vec::with_capacity(EVENTS_PER_TURN);
        let start = Instant::now();
        for index in 0..self.connections.len() {
            self.ask(index)?;
        }
        let mut waiting = self.connections.len();
        let mut end = None;
        while waiting > 0 {
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&patience))
                .context("epoll_wait failed")?;
            if events.is_empty() {
                bail!(
                    "the server has not answered any of {waiting} connections for {} s",
                    PATIENCE.as_secs()
                );
            }
            for event in events.drain(..) {
                let index = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
                if !self.hear(index)? {
                    continue;
                }
                let now = Instant::now();
                if now - start < duration {
                    latencies.push(now - self.connections[index].asked);
                    self.ask(index)?;
                } else {
                    // Measured to here; what is still under way is only waited for.
                    end.get_or_insert(now);
                    waiting -= 1;
                }
            }
        }
        let wall = end.unwrap_or_else(Instant::now) - start;
        Ok(Measured { answers: latencies.len() as u64, wall, own_cpu: Duration::ZERO, latencies })
    }

    fn ask(&mut self, index: usize) -> Result<()> {
        let connection = &mut self.connections[index];
        connection.question = self.next_question;
        self.next_question = (self.next_question + 1) % self.questions.len();
        connection.asked = Instant::now();
        // A request is shorter than any socket buffer and nothing else is under way: it fits at once.
        connection
            .stream
            .write_all(&self.questions[connection.question].request)
            .context("the server took no request")
    }

    /// Reads once; true when the answer is complete and right.
    fn hear(&mut self, index: usize) -> Result<bool> {
        let connection = &mut self.connections[index];
        let question = &mut self.questions[connection.question];
        let length = match connection.stream.read(&mut self.buffer) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(false);
            }
            Err(error) => return Err(error).context("reading an answer failed"),
        };
        let got = &self.buffer[..length];
        if connection.partial.is_empty() && got == question.answer {
            return Ok(true);
        }
        connection.partial.extend_from_slice(got);
        if !connection.partial.ends_with(&question.end) && !connection.partial.starts_with(b"ERR ") {
            return Ok(false);
        }
        let got = std::mem::take(&mut connection.partial);
        if got != question.answer {
            self.judge.judge(&question.answer, &got).with_context(|| {
                format!("wrong answer to {}", String::from_utf8_lossy(&question.request).trim_end())
            })?;
            question.answer = got;
        }
        Ok(true)
    }
}

fn since(start: Timespec, end: Timespec) -> Duration {
    let as_duration = |time: Timespec| Duration::try_from(time).unwrap_or_default();
    as_duration(end).saturating_sub(as_duration(start))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    struct Strict;

    impl Judge for Strict {
        fn judge(&self, _known: &[u8], got: &[u8]) -> Result<()> {
            bail!("unexpected: {}", String::from_utf8_lossy(got));
        }
    }

    /// Long enough for some answers on the busiest machine.
    const SOME_TIME: Duration = Duration::from_millis(300);

    /// Answers every line with itself in capitals, in two pieces, and counts the lines.
    fn shouting_server() -> (SocketAddr, Arc<AtomicU64>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let count = Arc::clone(&count);
                stream.set_nodelay(true).unwrap();
                std::thread::spawn(move || {
                    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                        let Ok(line) = line else { return };
                        count.fetch_add(1, Ordering::SeqCst);
                        let (first, rest) = line.split_at(1);
                        let mut stream = &stream;
                        stream.write_all(first.to_uppercase().as_bytes()).unwrap();
                        stream.write_all(format!("{}\n", rest.to_uppercase()).as_bytes()).unwrap();
                    }
                });
            }
        });
        (address, asked)
    }

    fn question(request: &str, answer: &str) -> Question {
        Question { request: request.into(), end: b"\n".into(), answer: answer.into() }
    }

    #[test]
    fn answers_are_counted_whole_even_when_they_come_in_pieces() {
        let mut questions = [question("abc\n", "ABC\n"), question("de\n", "DE\n")];
        let (server, asked) = shouting_server();
        let measured =
            closed_loop(server, 3, &mut questions, &Strict, Duration::from_millis(10), SOME_TIME).unwrap();
        assert!(measured.answers > 0);
        assert!(measured.answers < asked.load(Ordering::SeqCst), "opening and warming up are not counted");
        assert_eq!(measured.answers as usize, measured.latencies.len());
        assert!(measured.percentile(0.5) <= measured.percentile(0.99));
    }

    #[test]
    fn a_wrong_answer_ends_the_run_and_is_shown_with_its_request() {
        let mut questions = [question("abc\n", "ABD\n")];
        let (server, _) = shouting_server();
        let error =
            closed_loop(server, 1, &mut questions, &Strict, SOME_TIME, SOME_TIME).map(drop).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("wrong answer to abc: unexpected: ABC"), "{text}");
    }
}
