//! A server with its receiver, and what the cases do with both.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, ensure};
use http::Method;
use serde_json::{Value, json};
use sonnette::clock::{Clock as _, SystemClock};
use tokio::task::LocalSet;

use crate::client::HttpClient;
use crate::load::{self, ACTION_TYPE, Load, Published};
use crate::receiver::{Behavior, Delivered, Receiver};
use crate::server::Server;
use crate::statistics::Rounds;
use crate::{Bench, raw_limit};

/// Requests at a time that register organizers, events and webhooks.
const SETUP_CONNECTIONS: usize = 16;

/// An action type that is never published.
pub(crate) const OTHER_ACTION_TYPE: &str = "bench.other";

/// A server on an empty store and a receiver that accepts everything.
pub(crate) struct Installation {
    pub(crate) server: Server,
    pub(crate) receiver: Receiver,
    token: String,
}

/// A load that has arrived completely.
pub(crate) struct Delivery {
    pub(crate) published: Published,
    pub(crate) delivered: Delivered,
    /// CPU time of the server, from the first request to the last arrival.
    pub(crate) cpu: Duration,
}

impl Delivery {
    pub(crate) fn per_second(&self) -> f64 {
        let time = self.delivered.last.duration_since(self.published.began);
        self.delivered.count as f64 / time.as_secs_f64()
    }
}

impl Installation {
    pub(crate) async fn start(bench: &Bench) -> Result<Self> {
        let server = Server::start(&bench.program, &bench.directory).await?;
        let token = server.run_command(&["token", "create", "--operator", "--name", "bench"])?;
        Ok(Self {
            server,
            receiver: Receiver::start(([127, 0, 0, 1], 0).into(), Behavior::Accept)?,
            token,
        })
    }

    /// A connection with an operator token.
    pub(crate) fn client(&self) -> Result<HttpClient> {
        HttpClient::new(self.server.address(), Some(&self.token))
    }

    /// Creates an organizer with the action type of the bench, by the command line.
    pub(crate) async fn create_organizer(&self, slug: &str) -> Result<()> {
        let args = ["organizer", "create", slug, "--dialect", "custom"];
        self.server.run_command(&args)?;
        let path = format!("/api/v1/organizers/{slug}/action_types/");
        for name in [ACTION_TYPE, OTHER_ACTION_TYPE] {
            let body = json!({"action_type": name, "description": "A message of the bench."});
            self.client()?
                .json(Method::POST, &path, Some(&body))
                .await?;
        }
        Ok(())
    }

    /// Creates webhooks numbered from 0 that get all publications of the organizer.
    pub(crate) async fn create_webhooks(&self, organizer: &str, count: u64) -> Result<()> {
        let webhooks = (0..count).map(|number| webhook_json(&self.receiver.url(number), None));
        self.create_all(organizer, "webhooks", webhooks).await
    }

    /// Creates resources of an organizer over several connections, in no particular order.
    pub(crate) async fn create_all(
        &self,
        organizer: &str,
        resource: &str,
        bodies: impl Iterator<Item = Value>,
    ) -> Result<()> {
        let path = format!("/api/v1/organizers/{organizer}/{resource}/");
        self.post_all(bodies.map(|body| (path.clone(), body))).await
    }

    /// Sends many requests that create something.
    pub(crate) async fn post_all(
        &self,
        requests: impl Iterator<Item = (String, Value)>,
    ) -> Result<()> {
        let requests: Rc<RefCell<Vec<_>>> = Rc::new(RefCell::new(requests.collect()));
        requests.borrow_mut().reverse();
        let tasks = LocalSet::new();
        let mut workers = Vec::new();
        for _ in 0..SETUP_CONNECTIONS {
            let requests = requests.clone();
            let mut client = self.client()?;
            workers.push(tasks.spawn_local(async move {
                loop {
                    let Some((path, body)) = requests.borrow_mut().pop() else {
                        return anyhow::Ok(());
                    };
                    client.json(Method::POST, &path, Some(&body)).await?;
                }
            }));
        }
        tasks.await;
        for worker in workers {
            worker.await??;
        }
        Ok(())
    }

    /// Publishes without waiting for the deliveries.
    pub(crate) async fn publish(&self, organizer: &str, load: &Load) -> Result<Published> {
        load::publish(self.server.address(), &self.token, organizer, load).await
    }

    /// Publishes, waits until everything has arrived at the receiver, and checks that each webhook got each publication
    /// exactly once.
    pub(crate) async fn deliver(
        &self,
        organizer: &str,
        load: &Load,
        webhooks: u64,
    ) -> Result<Delivery> {
        self.deliver_to(organizer, load, webhooks, webhooks).await
    }

    /// The same where each publication matches `matching` of the webhooks.
    pub(crate) async fn deliver_to(
        &self,
        organizer: &str,
        load: &Load,
        webhooks: u64,
        matching: u64,
    ) -> Result<Delivery> {
        self.receiver.reset(webhooks);
        let cpu = self.server.cpu_time()?;
        let published = self.publish(organizer, load).await?;
        let expected = published.accepted * matching;
        let delivered = self.receiver.wait_for(expected).await?;
        ensure!(
            delivered.duplicates == 0,
            "{} deliveries came twice",
            delivered.duplicates
        );
        let cpu = self.server.cpu_time()?.saturating_sub(cpu);
        Ok(Delivery {
            published,
            delivered,
            cpu,
        })
    }

    /// The same between two measures of the raw limit. The mean of the two is the limit of this delivery.
    pub(crate) async fn deliver_within_limit(
        &self,
        organizer: &str,
        load: &Load,
        webhooks: u64,
    ) -> Result<(Delivery, f64)> {
        let before = raw_limit::exchanges_per_second().await?;
        let delivery = self.deliver(organizer, load, webhooks).await?;
        let after = raw_limit::exchanges_per_second().await?;
        Ok((delivery, f64::midpoint(before, after)))
    }

    /// The times in which the server responds to a GET, one after the other, in milliseconds.
    pub(crate) async fn get_times_ms(
        client: &mut HttpClient,
        path: &str,
        count: usize,
    ) -> Result<Rounds> {
        let mut times = Rounds::default();
        for _ in 0..count {
            let began = SystemClock.instant();
            let response = client.send(Method::GET, path, "".into()).await?;
            ensure!(
                response.status().is_success(),
                "GET {path}: {}",
                response.status()
            );
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        Ok(times)
    }
}

/// The body that registers a webhook for the publications of all events or of one.
pub(crate) fn webhook_json(url: &str, event: Option<&str>) -> Value {
    let events: Vec<_> = event.into_iter().collect();
    json!({
        "target_url": url,
        "enabled": true,
        "all_events": event.is_none(),
        "limit_events": events,
        "action_types": [ACTION_TYPE],
    })
}
