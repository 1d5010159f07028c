//! The load generator: publishes over many connections, as fast as it can or at a fixed rate.

use std::cell::Cell;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Method, StatusCode};
use sonnette::clock::{Clock as _, SystemClock};
use tokio::task::LocalSet;
use tokio::time::sleep;

use crate::client::HttpClient;
use crate::receiver::now_micros;
use crate::statistics::Latencies;

/// Connections of a load that is not stated otherwise, and of the raw limit.
pub(crate) const CONNECTIONS: usize = 64;

/// The action type of all publications.
pub(crate) const ACTION_TYPE: &str = "bench.message";

/// What is published.
#[derive(Clone)]
pub(crate) struct Load {
    /// Publications in all.
    pub(crate) count: u64,
    pub(crate) connections: usize,
    /// Publications in one request.
    pub(crate) batch: u64,
    /// Publications a second; none is as fast as the responses come.
    pub(crate) rate: Option<f64>,
    /// The events that the publications go to in turn: `PREFIX0` to `PREFIXn`.
    pub(crate) events: Option<(&'static str, u64)>,
    /// Ends the load before its count is reached.
    pub(crate) stop: Option<Rc<Cell<bool>>>,
    /// Whether 503 is an expected response.
    pub(crate) may_be_refused: bool,
}

impl Load {
    /// Single publications over 64 connections.
    pub(crate) fn singles(count: u64) -> Self {
        Self {
            count,
            connections: CONNECTIONS,
            batch: 1,
            rate: None,
            events: None,
            stop: None,
            may_be_refused: false,
        }
    }

    /// Arrays of so many publications over few connections.
    pub(crate) fn arrays(count: u64, batch: u64, connections: usize) -> Self {
        Self {
            connections,
            batch,
            ..Self::singles(count)
        }
    }

    /// Single publications at a fixed rate, whether or not the earlier ones have been answered.
    pub(crate) fn steady(per_second: u64, time: Duration) -> Self {
        Self {
            rate: Some(per_second as f64),
            ..Self::singles(per_second * time.as_secs())
        }
    }

    fn request_body(&self, first: u64) -> Bytes {
        let last = (first + self.batch).min(self.count);
        let mut text = String::with_capacity(400 * usize::try_from(last - first).unwrap_or(1));
        if self.batch > 1 {
            text.push('[');
        }
        for number in first..last {
            if number > first {
                text.push(',');
            }
            text.push_str("{\"action_type\":\"");
            text.push_str(ACTION_TYPE);
            if let Some((prefix, count)) = self.events {
                // Writing to a string does not fail.
                let _ = write!(text, "\",\"event\":\"{prefix}{}", number % count);
            }
            text.push_str("\",\"data\":");
            write_message(&mut text, number);
            text.push('}');
        }
        if self.batch > 1 {
            text.push(']');
        }
        text.into()
    }
}

/// A message of about 250 bytes.
pub(crate) fn write_message(text: &mut String, number: u64) {
    let _ = write!(
        text,
        "{{\"n\":{number},\"t\":{},\"order\":\"R{number:09}\",\"state\":\"paid\",\"total\":\"42.00\",\"currency\":\"EUR\",\
         \"seats\":[{{\"row\":\"B\",\"seat\":{}}},{{\"row\":\"B\",\"seat\":{}}}],\"customer\":\"c{number:015}\",\
         \"note\":\"Two seats, paid online; the tickets wait at the door.\"}}",
        now_micros(),
        number % 40,
        number % 40 + 1,
    );
}

/// What became of a load.
pub(crate) struct Published {
    pub(crate) began: Instant,
    /// Until the last response.
    pub(crate) elapsed: Duration,
    /// Publications that were answered with 201.
    pub(crate) accepted: u64,
    /// Publications that were answered with 503.
    pub(crate) refused: u64,
    /// Refused requests without a `Retry-After`.
    pub(crate) without_retry_after: u64,
    /// Of each request until its response.
    pub(crate) latencies: Latencies,
}

impl Published {
    pub(crate) fn per_second(&self) -> f64 {
        self.accepted as f64 / self.elapsed.as_secs_f64()
    }
}

/// Publishes to an organizer.
pub(crate) async fn publish(
    address: SocketAddr,
    token: &str,
    organizer: &str,
    load: &Load,
) -> Result<Published> {
    let mut result = Published {
        began: SystemClock.instant(),
        elapsed: Duration::ZERO,
        accepted: 0,
        refused: 0,
        without_retry_after: 0,
        latencies: Latencies::default(),
    };
    let path: Rc<str> = format!("/api/v1/organizers/{organizer}/notifications/").into();
    let next = Rc::new(Cell::new(0));
    let tasks = LocalSet::new();
    let mut publishers = Vec::new();
    for _ in 0..load.connections {
        let publisher = Publisher {
            client: HttpClient::new(address, Some(token))?,
            path: path.clone(),
            load: load.clone(),
            next: next.clone(),
            began: result.began,
        };
        publishers.push(tasks.spawn_local(publisher.run()));
    }
    tasks.await;
    for publisher in publishers {
        let one = publisher.await??;
        result.accepted += one.accepted;
        result.refused += one.refused;
        result.without_retry_after += one.without_retry_after;
        result.latencies.extend(one.latencies);
    }
    result.elapsed = result.began.elapsed();
    Ok(result)
}

/// One connection of a load.
struct Publisher {
    client: HttpClient,
    path: Rc<str>,
    load: Load,
    /// The first publication that no connection has taken yet.
    next: Rc<Cell<u64>>,
    began: Instant,
}

impl Publisher {
    async fn run(mut self) -> Result<Published> {
        let mut result = Published {
            began: self.began,
            elapsed: Duration::ZERO,
            accepted: 0,
            refused: 0,
            without_retry_after: 0,
            latencies: Latencies::default(),
        };
        loop {
            let first = self.next.get();
            let is_stopped = self.load.stop.as_ref().is_some_and(|stop| stop.get());
            if first >= self.load.count || is_stopped {
                return Ok(result);
            }
            self.next.set(first + self.load.batch);
            if let Some(rate) = self.load.rate {
                let due = Duration::from_secs_f64(first as f64 / rate);
                sleep(due.saturating_sub(self.began.elapsed())).await;
            }
            self.publish(first, &mut result).await?;
        }
    }

    async fn publish(&mut self, first: u64, result: &mut Published) -> Result<()> {
        let count = self.load.batch.min(self.load.count - first);
        let body = self.load.request_body(first);
        let sent = SystemClock.instant();
        let response = self.client.send(Method::POST, &self.path, body).await?;
        result.latencies.record(sent.elapsed());
        match response.status() {
            StatusCode::CREATED => result.accepted += count,
            StatusCode::SERVICE_UNAVAILABLE if self.load.may_be_refused => {
                result.refused += count;
                if !response.headers().contains_key(RETRY_AFTER) {
                    result.without_retry_after += 1;
                }
            }
            status => {
                let text = String::from_utf8_lossy(response.body());
                bail!("a publication was answered with {status}: {text:.300}");
            }
        }
        Ok(())
    }
}
