//! What the demo does: over REST, as any platform would.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hyper::Method;
use serde_json::{Value, json};
use sonnette::domain::{Attempt, Outcome, Secret};
use sonnette::engine::Activity;
use tokio::sync::broadcast::{self, error::RecvError};
use url::Url;

use super::USER;
use super::receiver::{Receiver, STUMBLES_AT};
use crate::cli::client::Client;

use crate::cli::output::line;

/// The curl lines come no later, whatever is still on its way.
const PATIENCE: Duration = Duration::from_secs(20);

/// The two webhooks, by what they listen to.
const WEBHOOKS: [(&str, &[&str]); 2] = [
    (
        "/ticketing",
        &[
            "pretix.event.order.placed",
            "pretix.event.order.paid",
            STUMBLES_AT,
            "pretix.event.item.*",
        ],
    ),
    ("/accounting", &["pretix.event.order.paid"]),
];

/// Everything that takes part.
pub(super) struct Story {
    pub(super) client: Client,
    pub(super) base: Url,
    pub(super) token: String,
    /// Of the user of the dashboard.
    pub(super) password: String,
    pub(super) receiver: Receiver,
    pub(super) news: broadcast::Receiver<Arc<Activity>>,
}

impl Story {
    /// Tells it, and then goes on showing what happens; ends only with an error.
    pub(super) async fn tell(mut self) -> Result<()> {
        line(format_args!(
            "Sonnette is running on {}, with a store of its own that ends with it.\n",
            self.base
        ))?;
        self.register().await?;
        let owed = self.publish().await?;
        let first_act = tokio::time::timeout(PATIENCE, self.show(Some(owed))).await;
        first_act.unwrap_or(Ok(()))?;
        self.invite()?;
        self.show(None).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = self
            .client
            .call(Method::POST, path, Some(body.to_string().into_bytes()))
            .await?;
        serde_json::from_slice(&answer).context("the answer is no JSON")
    }

    async fn register(&self) -> Result<()> {
        line("Registering the organizer bigevents and its event democon, and two webhooks")?;
        self.post(
            "organizers/",
            &json!({"slug": "bigevents", "name": "Big Events"}),
        )
        .await?;
        self.post(
            "organizers/bigevents/events/",
            &json!({"slug": "democon", "name": "DemoCon"}),
        )
        .await?;
        for (path, action_types) in WEBHOOKS {
            let target_url = self.receiver.url(path);
            let webhook = json!({
                "target_url": target_url,
                "enabled": true,
                "all_events": true,
                "limit_events": [],
                "action_types": action_types,
            });
            let made = self
                .post("organizers/bigevents/webhooks/", &webhook)
                .await?;
            let path_of_secret = format!("organizers/bigevents/webhooks/{}/secret/", made["id"]);
            let answer = self.client.call(Method::GET, &path_of_secret, None).await?;
            let answer: Value = serde_json::from_slice(&answer)?;
            let secret: Secret = answer["secret"].as_str().unwrap_or_default().parse()?;
            self.receiver.expect(path, &secret);
            line(format_args!(
                "  webhook {}  {target_url}  {}",
                made["id"],
                action_types.join(", ")
            ))?;
        }
        Ok(())
    }

    /// How many deliveries it makes.
    async fn publish(&self) -> Result<u64> {
        let facts = [
            ("pretix.event.order.placed", json!({"code": "T0CHT"})),
            ("pretix.event.order.paid", json!({"code": "T0CHT"})),
            (
                STUMBLES_AT,
                json!({
                    "code": "T0CHT",
                    "orderposition_id": 7,
                    "orderposition_positionid": 1,
                    "checkin_list": 2,
                    "type": "entry",
                    "first_checkin": true,
                }),
            ),
            ("pretix.event.item.variation.added", json!({"item": 2})),
        ];
        line(
            "\nPublishing four notifications; the receiver turns the check-in away the first time",
        )?;
        let publications: Vec<Value> = facts
            .iter()
            .map(|(action_type, data)| json!({"action_type": action_type, "event": "democon", "data": data}))
            .collect();
        let answer = self
            .post(
                "organizers/bigevents/notifications/",
                &Value::Array(publications),
            )
            .await?;
        let published = answer.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(published
            .iter()
            .filter_map(|p| p["deliveries"].as_u64())
            .sum())
    }

    /// Shows attempts as they end: until so many deliveries are done, or for ever.
    async fn show(&mut self, mut owed: Option<u64>) -> Result<()> {
        while owed != Some(0) {
            let news = match self.news.recv().await {
                Ok(news) => news,
                Err(RecvError::Lagged(_)) => continue,
                // The server stops, and with it the demo.
                Err(RecvError::Closed) => return std::future::pending().await,
            };
            let Activity::Attempted { attempt, .. } = &*news else {
                continue;
            };
            let done = attempt.exchange.outcome.is_success();
            line(describe(attempt))?;
            owed = owed.map(|left| left - u64::from(done && !attempt.test).min(left));
        }
        Ok(())
    }

    fn invite(&self) -> Result<()> {
        let (token, api) = (&self.token, self.base.join("api/v1/")?);
        line(format_args!(
            "\nThe dashboard, in a browser: {}\n  log in as {USER} with the password {}",
            self.base, self.password
        ))?;
        line("\nNow you. These lines work as they are, while the demo runs:\n")?;
        line("# publish a fact of your own")?;
        line(format_args!(
            "curl -H 'Authorization: Token {token}' -H 'Content-Type: application/json' \
             -d '{{\"action_type\": \"pretix.event.order.paid\", \"event\": \"democon\", \"data\": {{\"code\": \"ABC12\"}}}}' \
             {api}organizers/bigevents/notifications/"
        ))?;
        line("# what was sent to the first webhook, newest first")?;
        line(format_args!(
            "curl -H 'Authorization: Token {token}' '{api}organizers/bigevents/webhooks/1/attempts/?page_size=5'"
        ))?;
        line("# its test button")?;
        line(format_args!(
            "curl -X POST -H 'Authorization: Token {token}' -H 'Content-Type: application/json' -d '{{}}' \
             {api}organizers/bigevents/webhooks/1/test/"
        ))?;
        line("\nThe API is documented at:")?;
        line(self.base.join("api/docs/")?)?;
        line("\nCtrl-C ends the demo.\n")
    }
}

fn describe(attempt: &Attempt) -> String {
    let took = attempt.exchange.duration.as_millis();
    let Attempt {
        notification,
        action_type,
        target_url,
        number,
        ..
    } = attempt;
    let what = match &attempt.exchange.outcome {
        outcome if outcome.is_success() && attempt.test => "tested    ".to_owned(),
        outcome if outcome.is_success() => "delivered ".to_owned(),
        Outcome::Answered { .. } | Outcome::Failed(_) => "failed    ".to_owned(),
    };
    let why = match &attempt.exchange.outcome {
        outcome if outcome.is_success() => String::new(),
        Outcome::Failed(failure) => format!(" ({failure})"),
        Outcome::Answered { status, .. } if *number == 1 => {
            format!(" (answered {status}; it is sent again, in 5 s the first time)")
        }
        Outcome::Answered { status, .. } => format!(" (answered {status})"),
    };
    format!("  {what} #{notification} {action_type} to {target_url}, try {number}, {took} ms{why}")
}
