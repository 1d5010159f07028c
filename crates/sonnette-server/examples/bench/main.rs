//! How fast the built program is on this machine: `bench PATH-OF-SONNETTE`.
//!
//! Publishers, server and receiver share the machine and talk over loopback, so the figures are for comparing with
//! themselves: before and after a change.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on has failed"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sonnette::clock::{Clock as _, SystemClock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Publishers at a time.
const PUBLISHERS: usize = 64;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// One case: so many notifications, each for so many webhooks.
const CASES: [(&str, usize, usize); 2] = [("one webhook", 20_000, 1), ("ten webhooks", 5_000, 10)];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let program = std::env::args()
        .nth(1)
        .expect("usage: bench PATH-OF-SONNETTE");
    for (name, notifications, webhooks) in CASES {
        case(&program, name, notifications, webhooks).await;
    }
}

async fn case(program: &str, name: &str, notifications: usize, webhooks: usize) {
    let directory = tempfile::tempdir().unwrap();
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    tokio::spawn(receive(listener, arrived));

    let run = |args: &[&str]| {
        let mut command = Command::new(program);
        command
            .args(args)
            .env("SONNETTE_DATA_DIR", directory.path().join("data"));
        command
    };
    let text = |args: &[&str]| String::from_utf8(run(args).output().unwrap().stdout).unwrap();
    text(&["organizer", "create", "bench"]);
    for number in 0..webhooks {
        let url = format!("http://{target}/{number}");
        text(&[
            "webhook",
            "create",
            "bench",
            &url,
            "--action-type",
            "pretix.event.order.placed",
        ]);
    }
    let token = text(&["token", "create", "--organizer", "bench"]);
    let (mut server, address) = start(run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--allow-target",
        "127.0.0.1",
    ]));

    let request = request(&address, token.trim());
    let left = Arc::new(AtomicUsize::new(notifications));
    let began = SystemClock.instant();
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|_| tokio::spawn(publish(address.clone(), request.clone(), left.clone())))
        .collect();
    let counting = async {
        for _ in 0..notifications * webhooks {
            arrivals.recv().await.unwrap();
        }
        began.elapsed()
    };
    let (delivered, published) = tokio::join!(counting, async {
        let mut waits = Vec::with_capacity(notifications);
        for publisher in publishers {
            waits.extend(publisher.await.unwrap());
        }
        (began.elapsed(), waits)
    });
    report(name, notifications, webhooks, delivered, published);
    server.kill().unwrap();
    server.wait().unwrap();
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn report(
    name: &str,
    notifications: usize,
    webhooks: usize,
    delivered: Duration,
    (published, mut waits): (Duration, Vec<Duration>),
) {
    waits.sort_unstable();
    let rate = |count: usize, time: Duration| count as f64 / time.as_secs_f64();
    let part = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!(
        "{name}: {:.0} published/s (201 after p50 {:.2} ms, p99 {:.2} ms), {:.0} delivered/s",
        rate(notifications, published),
        part(50),
        part(99),
        rate(notifications * webhooks, delivered),
    );
}

fn start(mut command: Command) -> (Child, String) {
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while lines.read_line(&mut line).unwrap() > 0 {
        if let Some((_, rest)) = line.split_once("listening on http://") {
            let address = rest.split(['"', ' ', '\n']).next().unwrap().to_owned();
            std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
            return (child, address);
        }
        line.clear();
    }
    let ended = child.wait();
    panic!("the server did not start: {ended:?}");
}

fn request(address: &str, token: &str) -> Arc<[u8]> {
    let body =
        r#"{"action_type":"pretix.event.order.placed","event":"bench","data":{"code":"T0CHT"}}"#;
    let text = format!(
        "POST /api/v1/organizers/bench/notifications/ HTTP/1.1\r\nHost: {address}\r\nAuthorization: Token {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    text.into_bytes().into()
}

/// One publisher on one connection: how long each answer took.
async fn publish(address: String, request: Arc<[u8]>, left: Arc<AtomicUsize>) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut waits = Vec::new();
    let mut buffer = Vec::new();
    while left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
        .is_ok()
    {
        let began = SystemClock.instant();
        stream.write_all(&request).await.unwrap();
        let head = message(&mut stream, &mut buffer).await.unwrap();
        assert!(head.starts_with("HTTP/1.1 201 "), "{head}");
        waits.push(began.elapsed());
    }
    waits
}

async fn receive(listener: TcpListener, arrived: mpsc::UnboundedSender<()>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let arrived = arrived.clone();
        tokio::spawn(async move {
            let mut buffer = Vec::new();
            while message(&mut stream, &mut buffer).await.is_some() {
                // Counted no more when the case is over.
                let _ = arrived.send(());
                if stream.write_all(ANSWER).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// Reads one message with a `Content-Length`; its header, or none at the end.
async fn message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.trim().parse::<usize>().unwrap());
            if buffer.len() >= end + 4 + length {
                buffer.drain(..end + 4 + length);
                return Some(head);
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
