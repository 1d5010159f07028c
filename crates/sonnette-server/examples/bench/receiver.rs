//! Receivers of webhook requests, each on a thread of its own, with as little work per request as possible.
//!
//! A body has `"n"`, the number of the publication, and `"t"`, the microseconds since 1970 at which it was sent. The path is
//! the number of the webhook. The same number twice at one path is a duplicate.

use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use parking_lot::Mutex;
use sonnette::clock::{Clock as _, SystemClock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::statistics::Latencies;

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const SLOW_RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
/// A wait for deliveries fails when nothing arrives for so long.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// How long late duplicates are waited for.
const SETTLE_TIME: Duration = Duration::from_millis(200);
/// Numbers beyond this are not those of the bench.
const MAX_NUMBER: u64 = 50_000_000;

/// What a receiver does with a request.
#[derive(Clone, Copy)]
pub(crate) enum Behavior {
    /// Responds 200 at once.
    Accept,
    /// Reads the request and never responds.
    Hang,
    /// Sends one byte of its response a second.
    Drip,
}

/// What has arrived since the last reset.
#[derive(Default)]
struct Arrivals {
    /// The number of webhooks that the paths count.
    webhooks: u64,
    /// One bit for each publication and webhook.
    seen: Vec<u64>,
    unique: u64,
    duplicates: u64,
    /// Requests that the bench did not publish.
    unknown: u64,
    last: Option<Instant>,
    latencies: Latencies,
}

impl Arrivals {
    fn record(&mut self, webhook: u64, number: Option<u64>, sent_micros: u64) {
        let Some(number) = number.filter(|n| *n < MAX_NUMBER && webhook < self.webhooks) else {
            self.unknown += 1;
            return;
        };
        let bit = number * self.webhooks + webhook;
        let word = usize::try_from(bit / 64).unwrap_or(usize::MAX);
        if word >= self.seen.len() {
            self.seen.resize(word + 1 + word / 2, 0);
        }
        let mask = 1 << (bit % 64);
        if self.seen[word] & mask != 0 {
            self.duplicates += 1;
            return;
        }
        self.seen[word] |= mask;
        self.unique += 1;
        self.last = Some(SystemClock.instant());
        let micros = now_micros().saturating_sub(sent_micros);
        self.latencies
            .record_micros(u32::try_from(micros).unwrap_or(u32::MAX));
    }
}

/// The deliveries that a case waited for.
pub(crate) struct Delivered {
    pub(crate) count: u64,
    pub(crate) duplicates: u64,
    /// When the last one arrived.
    pub(crate) last: Instant,
    /// From publication to arrival.
    pub(crate) latencies: Latencies,
}

/// A running receiver. It ends when it is dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    arrivals: Arc<Mutex<Arrivals>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Listens on the address; port 0 is any free port.
    pub(crate) fn start(address: SocketAddr, behavior: Behavior) -> Result<Self> {
        let listener = StdTcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let arrivals: Arc<Mutex<Arrivals>> = Arc::default();
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let shared = arrivals.clone();
        let thread = std::thread::Builder::new()
            .name("receiver".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        _ = stopped => {}
                        () = accept(listener, behavior, shared) => {}
                    }
                });
            })?;
        Ok(Self {
            address,
            arrivals,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The target of the webhook with this number.
    pub(crate) fn url(&self, webhook: u64) -> String {
        format!("http://{}/{webhook}", self.address)
    }

    /// Forgets what has arrived. From now on the paths are those of so many webhooks.
    pub(crate) fn reset(&self, webhooks: u64) {
        *self.arrivals.lock() = Arrivals {
            webhooks,
            ..Arrivals::default()
        };
    }

    /// Waits for so many deliveries, and fails if they do not come, if more come, or others than expected.
    pub(crate) async fn wait_for(&self, expected: u64) -> Result<Delivered> {
        self.wait_until(expected).await?;
        sleep(SETTLE_TIME).await;
        let arrivals = std::mem::take(&mut *self.arrivals.lock());
        if arrivals.unique != expected || arrivals.unknown > 0 {
            bail!(
                "{} deliveries arrived instead of {expected}, and {} requests that nobody published",
                arrivals.unique,
                arrivals.unknown
            );
        }
        Ok(Delivered {
            count: arrivals.unique,
            duplicates: arrivals.duplicates,
            last: arrivals.last.unwrap_or_else(|| SystemClock.instant()),
            latencies: arrivals.latencies,
        })
    }

    async fn wait_until(&self, expected: u64) -> Result<()> {
        let (mut before, mut changed) = (0, SystemClock.instant());
        loop {
            let unique = self.arrivals.lock().unique;
            if unique >= expected {
                return Ok(());
            }
            if unique != before {
                (before, changed) = (unique, SystemClock.instant());
            }
            if changed.elapsed() > IDLE_TIMEOUT {
                bail!("{unique} of {expected} deliveries arrived; then none for {IDLE_TIMEOUT:?}");
            }
            sleep(POLL_INTERVAL).await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has printed why, and the deliveries are missing.
            let _ = thread.join();
        }
    }
}

/// Microseconds since 1970.
pub(crate) fn now_micros() -> u64 {
    u64::try_from(SystemClock.now().as_microsecond()).unwrap_or(0)
}

async fn accept(listener: StdTcpListener, behavior: Behavior, arrivals: Arc<Mutex<Arrivals>>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        // A failed connection fails its request, which the server sends again.
        if let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(serve(stream, behavior, arrivals.clone()));
        }
    }
}

async fn serve(mut stream: TcpStream, behavior: Behavior, arrivals: Arc<Mutex<Arrivals>>) {
    let mut buffer = Vec::with_capacity(4096);
    while let Some(length) = read_request(&mut stream, &mut buffer).await {
        match behavior {
            Behavior::Accept => {
                let request = &buffer[..length];
                let webhook = number_after(request, b"POST /").unwrap_or(u64::MAX);
                let sent = number_after(request, b"\"t\":").unwrap_or(0);
                let number = number_after(request, b"\"n\":");
                arrivals.lock().record(webhook, number, sent);
                if stream.write_all(RESPONSE).await.is_err() {
                    return;
                }
            }
            Behavior::Hang => {}
            Behavior::Drip => {
                for byte in SLOW_RESPONSE {
                    if stream.write_all(&[*byte]).await.is_err() {
                        return;
                    }
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
        buffer.drain(..length);
    }
}

/// Reads until the buffer holds a whole request; its length, or none at the end.
async fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<usize> {
    loop {
        if let Some(end) = position(buffer, b"\r\n\r\n") {
            let length = content_length(&buffer[..end]);
            let end = end + 4 + length;
            if buffer.len() >= end {
                return Some(end);
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

fn content_length(head: &[u8]) -> usize {
    const NAME: &[u8] = b"content-length:";
    head.split(|byte| *byte == b'\n')
        .find(|line| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME))
        .and_then(|line| {
            str::from_utf8(&line[NAME.len()..])
                .ok()?
                .trim()
                .parse()
                .ok()
        })
        .unwrap_or(0)
}

fn position(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len()).position(|w| w == pattern)
}

/// The number that follows the first occurrence of the pattern.
fn number_after(text: &[u8], pattern: &[u8]) -> Option<u64> {
    let start = position(text, pattern)? + pattern.len();
    let digits = text[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let mut number = None;
    for digit in digits {
        let value: u64 = number.unwrap_or(0);
        number = Some(
            value
                .checked_mul(10)?
                .checked_add(u64::from(digit - b'0'))?,
        );
    }
    number
}
