//! Connections with real sockets whose kernel buffers are small, and no guest.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use calloop::EventLoop;
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};

use super::super::Inbox;
use super::super::budget::Budget;
use super::{Arrival, Connections, PEER_CLOSED, QueueError, STALL, UNSENT};
use crate::plugin::Limits;

/// More than the kernel holds for a connection of these tests.
const LONG: usize = UNSENT / 8;

struct Bench {
    event_loop: EventLoop<'static, Inbox>,
    inbox: Inbox,
    connections: Connections,
    listener: TcpListener,
}

impl Bench {
    fn new() -> Self {
        let event_loop = EventLoop::try_new().unwrap();
        let connections =
            Connections::new(event_loop.handle(), &Limits { connections: 16, ..Limits::default() });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { event_loop, inbox: Inbox::default(), connections, listener }
    }

    /// A connection's number, and its peer.
    fn connect(&mut self) -> (u64, TcpStream) {
        let peer = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        set_socket_recv_buffer_size(&peer, 4_096).unwrap();
        let (stream, _) = self.listener.accept().unwrap();
        set_socket_send_buffer_size(&stream, 4_096).unwrap();
        let place = Budget::of_process().take().unwrap();
        (self.connections.insert(stream, place).unwrap(), peer)
    }

    /// One turn of the loop; what was read in it.
    fn turn(&mut self) -> usize {
        self.event_loop.dispatch(Duration::from_millis(20), &mut self.inbox).unwrap();
        let mut read = 0;
        for (number, readiness) in std::mem::take(&mut self.inbox.ready) {
            if readiness.writable {
                self.connections.writable(number);
            }
            if readiness.readable
                && let Arrival::Bytes(count) = self.connections.read(number, &mut [0; 512])
            {
                read += count;
            }
        }
        self.connections.flush();
        read
    }
}

#[test]
fn what_is_queued_reaches_a_peer_that_has_ended_its_requests() {
    let mut bench = Bench::new();
    let (number, mut peer) = bench.connect();
    bench.connections.queue(number, vec![b'x'; LONG]).unwrap();
    bench.connections.flush();
    peer.shutdown(Shutdown::Write).unwrap();
    bench.turn();
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).map(|_| all.len())
    });
    let gone = loop {
        bench.turn();
        if let Some(gone) = bench.connections.pop_gone() {
            break gone;
        }
    };
    assert_eq!(gone, (number, PEER_CLOSED.to_owned()));
    assert_eq!(reader.join().unwrap().unwrap(), LONG);
    assert_eq!((bench.connections.len(), bench.connections.unsent, bench.connections.waiting), (0, 0, 0));
}

#[test]
fn a_connection_with_unsent_bytes_is_not_read_from_until_they_are_sent() {
    let mut bench = Bench::new();
    let (number, mut peer) = bench.connect();
    bench.connections.queue(number, vec![b'x'; LONG]).unwrap();
    bench.connections.flush();
    peer.write_all(b"more").unwrap();
    assert_eq!((0..5).map(|_| bench.turn()).sum::<usize>(), 0);
    let mut answer = vec![0; LONG];
    let reader = std::thread::spawn(move || peer.read_exact(&mut answer).map(|()| peer));
    while bench.turn() != b"more".len() {}
    reader.join().unwrap().unwrap();
}

#[test]
fn more_than_the_limit_is_refused_whole_and_an_answer_beyond_it_ends_the_connection() {
    let mut bench = Bench::new();
    let (number, _peer) = bench.connect();
    assert!(matches!(bench.connections.queue(number, vec![0; UNSENT + 1]), Err(QueueError::Full(_))));
    bench.connections.queue(number, vec![0; UNSENT]).unwrap();
    assert!(matches!(bench.connections.queue(number, vec![0; 1]), Err(QueueError::Full(_))));
    bench.connections.answer(number, vec![0; UNSENT], false);
    bench.connections.flush();
    let (gone, reason) = bench.connections.pop_gone().unwrap();
    assert!(gone == number && reason.contains("too slowly"), "{reason}");
}

#[test]
fn a_peer_that_takes_nothing_is_dropped_after_the_stall_time_and_not_before() {
    let mut bench = Bench::new();
    let (number, _peer) = bench.connect();
    assert_eq!(bench.connections.stall_deadline(), None);
    bench.connections.queue(number, vec![0; LONG]).unwrap();
    bench.connections.flush();
    assert!(bench.connections.stall_deadline().is_some());
    bench.connections.drop_stalled(Instant::now() + STALL / 2);
    assert_eq!(bench.connections.pop_gone(), None);
    bench.connections.drop_stalled(Instant::now() + STALL);
    assert_eq!(bench.connections.pop_gone().unwrap().0, number);
    assert_eq!(bench.connections.stall_deadline(), None);
}

#[test]
fn a_number_names_one_connection_ever() {
    let mut bench = Bench::new();
    let (first, _peer) = bench.connect();
    bench.connections.forget(first);
    let (second, _peer) = bench.connect();
    assert_ne!(first, second);
    assert_eq!(bench.connections.queue(first, vec![0]), Err(QueueError::Gone));
    assert_eq!(bench.connections.queue(second, vec![0]), Ok(()));
}
