//! Datagrams of plugins: who is heard, who is answered, and how many get through.

use std::net::UdpSocket;
use std::time::Duration;

use crate::outside::Outside;

const LOCALHOST: &str = "\"udp://localhost:*\", \"tcp://localhost:*\"";

fn socket() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

fn text(socket: &UdpSocket) -> (String, std::net::SocketAddr) {
    let mut buffer = [0; 2048];
    let (count, from) = socket.recv_from(&mut buffer).unwrap();
    (String::from_utf8(buffer[..count].to_vec()).unwrap(), from)
}

#[test]
fn a_datagram_on_a_granted_socket_is_answered() {
    let outside = Outside::start(LOCALHOST);
    let (client, _) = socket();
    client.send_to(b"hello", outside.host.address("caller", "snmp")).unwrap();
    assert_eq!(text(&client).0, "HELLO");
}

#[test]
fn a_datagram_to_a_granted_host_is_sent_and_its_answer_heard_but_nobody_elses() {
    let outside = Outside::start(LOCALHOST);
    let ((server, port), (stranger, _)) = (socket(), socket());
    let mut orders = outside.orders();
    for word in ["one", "two"] {
        assert_eq!(orders.ask(&format!("datagram localhost {port} {word}")), "done");
        let (asked, caller) = text(&server);
        assert_eq!(asked, word);
        let port = caller.port();
        stranger.send_to(b"forged", ("127.0.0.1", port)).unwrap();
        server.send_to(b"answer", ("127.0.0.1", port)).unwrap();
        assert_eq!(orders.line(), "datagram answer");
    }
    outside.host.until("it is counted", |seen| seen.status[0].dropped_datagrams > 0);
}

#[test]
fn what_is_not_granted_or_unknown_is_refused() {
    let outside = Outside::start("\"tcp://localhost:1\", \"udp://localhost:514\", \"udp://rebound.test:*\"");
    let mut orders = outside.orders();
    for host in ["localhost 515", "127.0.0.1 514", "other.test 514"] {
        assert!(orders.ask(&format!("datagram {host} x")).starts_with("denied"), "{host}");
    }
    assert_eq!(orders.ask("answer snmp 127.0.0.1:9"), "not-found");
    assert!(orders.ask("answer snmp somebody").starts_with("invalid"));
    // A name that leads to this machine: taken, and lost without a word.
    let (server, port) = socket();
    assert_eq!(orders.ask(&format!("datagram rebound.test {port} x")), "done");
    outside.host.until("it is counted", |seen| seen.status[0].dropped_datagrams > 0);
    server.set_nonblocking(true).unwrap();
    assert!(server.recv_from(&mut [0; 8]).is_err());
}

#[test]
fn a_flood_is_cut_to_its_rate() {
    let outside = Outside::start(LOCALHOST);
    let (server, port) = socket();
    let mut orders = outside.orders();
    // The name is looked up for the first.
    assert_eq!(orders.ask(&format!("datagram localhost {port} x")), "done");
    text(&server);
    let answer = orders.ask(&format!("flood localhost {port} 5000"));
    let sent: u32 = answer.split(' ').next().unwrap().parse().unwrap();
    // Two seconds may touch the call, and the rate is 200.
    assert!((1..=600).contains(&sent), "{answer}");
}
