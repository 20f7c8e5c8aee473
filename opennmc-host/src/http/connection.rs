//! One client's connection: hyper's HTTP/1 on our socket, until it ends or takes too long.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use rustix::net::sockopt;

use super::answer::{Here, answer};
use super::front::Place;
use super::pace::Alarm;
use super::wire::Wire;

/// A request's head, long cookies and addresses included; it is also what is kept of an answer that is to go.
const HEAD: usize = 16 << 10;
/// Of one request.
const MOST_HEADERS: usize = 100;

/// Serves one client. It ends when its place is asked to.
pub(super) async fn serve(here: Here, wire: Wire, place: Place) {
    let (here, place) = (Rc::new(here), place);
    let mut alarm = Alarm::new(here.shared.handle.clone());
    let mut http = http1::Builder::new();
    http.half_close(false).keep_alive(true).max_buf_size(HEAD).max_headers(MOST_HEADERS);
    let serving = Rc::clone(&here);
    let service = service_fn(move |request| answer(Rc::clone(&serving), request));
    let mut connection = pin!(http.serve_connection(wire, service));
    poll_fn(|context| {
        if place.is_to_end(context) {
            return Poll::Ready(());
        }
        // A mistake of ours, or of a library, costs this connection and no other.
        let polled = catch_unwind(AssertUnwindSafe(|| connection.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) if here.pace.is_over(Instant::now()) => {
                tracing::debug!(peer = %here.peer, "http: the client was too slow");
                if here.pace.is_sending() {
                    // What it does not take would stay with the kernel until the peer is given up there, too.
                    let _ = sockopt::set_socket_linger(&here.socket, Some(Duration::ZERO));
                }
                Poll::Ready(())
            }
            Ok(Poll::Pending) => {
                alarm.set(here.pace.next(), context);
                Poll::Pending
            }
            Ok(Poll::Ready(Err(error))) => {
                tracing::debug!(peer = %here.peer, "http: {error}");
                Poll::Ready(())
            }
            Ok(Poll::Ready(Ok(()))) => Poll::Ready(()),
            Err(_) => {
                tracing::error!(peer = %here.peer, "http: a connection has failed; this is a mistake in OpenNMC");
                Poll::Ready(())
            }
        }
    })
    .await;
}
