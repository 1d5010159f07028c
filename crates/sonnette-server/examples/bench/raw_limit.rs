//! What this machine can do with nothing stored: the limit that throughput and latency are compared with.

use std::cell::Cell;
use std::io::Write as _;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use http::Method;
use sonnette::clock::{Clock as _, SystemClock};
use tokio::task::LocalSet;

use crate::client::HttpClient;
use crate::load::{CONNECTIONS, write_message};
use crate::receiver::{Behavior, Receiver};
use crate::statistics::Latencies;

/// Exchanges of one measure of the limit.
const LIMIT_EXCHANGES: u64 = 50_000;
/// Exchanges and syncs, one after the other, whose median is taken.
const SINGLE_EXCHANGES: u64 = 2_000;
const SYNC_COUNT: usize = 500;
/// Bytes that are appended before each sync.
const SYNCED_BYTES: usize = 400;

/// POST requests a second over 64 connections to a receiver, with nothing stored.
pub(crate) async fn exchanges_per_second() -> Result<f64> {
    let (_, elapsed) = exchange(LIMIT_EXCHANGES, CONNECTIONS).await?;
    Ok(LIMIT_EXCHANGES as f64 / elapsed.as_secs_f64())
}

/// The median time of one exchange over one connection, and of one append with a sync, in milliseconds.
pub(crate) async fn exchange_and_sync_ms(directory: &Path) -> Result<(f64, f64)> {
    let (mut exchanges, _) = exchange(SINGLE_EXCHANGES, 1).await?;
    let mut file = tempfile::tempfile_in(directory)?;
    let mut syncs = Latencies::default();
    for _ in 0..SYNC_COUNT {
        let began = SystemClock.instant();
        file.write_all(&[b'x'; SYNCED_BYTES])?;
        file.sync_data()?;
        syncs.record(began.elapsed());
    }
    Ok((exchanges.percentile_ms(50), syncs.percentile_ms(50)))
}

/// The time of each exchange, and of all.
async fn exchange(count: u64, connections: usize) -> Result<(Latencies, Duration)> {
    let receiver = Receiver::start(([127, 0, 0, 1], 0).into(), Behavior::Accept)?;
    receiver.reset(1);
    let left = Rc::new(Cell::new(count));
    let began = SystemClock.instant();
    let tasks = LocalSet::new();
    let mut clients = Vec::new();
    for _ in 0..connections {
        let mut client = HttpClient::new(receiver.address(), None)?;
        let left = left.clone();
        clients.push(tasks.spawn_local(async move {
            let mut times = Latencies::default();
            while let Some(number) = left.get().checked_sub(1) {
                left.set(number);
                let mut body = String::with_capacity(400);
                write_message(&mut body, number);
                let began = SystemClock.instant();
                client.send(Method::POST, "/0", body.into()).await?;
                times.record(began.elapsed());
            }
            anyhow::Ok(times)
        }));
    }
    tasks.await;
    let elapsed = began.elapsed();
    let mut times = Latencies::default();
    for client in clients {
        times.extend(client.await??);
    }
    receiver.wait_for(count).await?;
    Ok((times, elapsed))
}
