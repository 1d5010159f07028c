//! The steps of the demo, over the REST API like any platform.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use hyper::Method;
use serde_json::{Value, json};
use sonnette::domain::{Attempt, Outcome, Secret};
use sonnette::engine::Activity;
use tokio::sync::broadcast::{self, error::RecvError};
use url::Url;

use super::USER_EMAIL;
use super::receiver::{ACTION_REJECTED_ONCE, Receiver};
use crate::cli::http_client::ApiClient;
use crate::cli::output::print_line;

/// The example commands are printed after this time even if deliveries are pending.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(20);

/// The two webhooks: the path of the target and the action types.
const WEBHOOKS: [(&str, &[&str]); 2] = [
    (
        "/ticketing",
        &[
            "pretix.event.order.placed",
            "pretix.event.order.paid",
            ACTION_REJECTED_ONCE,
            "pretix.event.item.*",
        ],
    ),
    ("/accounting", &["pretix.event.order.paid"]),
];

/// The participants of the demo.
pub(super) struct Scenario {
    pub(super) client: ApiClient,
    pub(super) base: Url,
    pub(super) token: String,
    /// The password of the dashboard user.
    pub(super) password: String,
    pub(super) receiver: Receiver,
    pub(super) activity: broadcast::Receiver<Arc<Activity>>,
}

impl Scenario {
    /// Runs all steps, then prints attempts until an error occurs.
    pub(super) async fn run(mut self) -> Result<()> {
        print_line(format_args!(
            "Sonnette is running on {} with a temporary store.\n",
            self.base
        ))?;
        self.register().await?;
        let expected = self.publish().await?;
        let deliveries = tokio::time::timeout(DELIVERY_TIMEOUT, self.show(Some(expected))).await;
        deliveries.unwrap_or(Ok(()))?;
        self.print_commands()?;
        self.show(None).await
    }

    async fn register(&self) -> Result<()> {
        print_line("Creating the organizer bigevents, its event democon, and two webhooks")?;
        self.client
            .post_json(
                "organizers/",
                &json!({"slug": "bigevents", "name": "Big Events"}),
            )
            .await?;
        self.client
            .post_json(
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
                .client
                .post_json("organizers/bigevents/webhooks/", &webhook)
                .await?;
            let path_of_secret = format!("organizers/bigevents/webhooks/{}/secret/", made["id"]);
            let response = self
                .client
                .request(Method::GET, &path_of_secret, None)
                .await?;
            let response: Value = serde_json::from_slice(&response)?;
            let secret: Secret = response["secret"].as_str().unwrap_or_default().parse()?;
            self.receiver.set_secret(path, &secret);
            print_line(format_args!(
                "  webhook {}  {target_url}  {}",
                made["id"],
                action_types.join(", ")
            ))?;
        }
        Ok(())
    }

    /// Publishes four notifications; returns the number of deliveries.
    async fn publish(&self) -> Result<u64> {
        let facts = [
            ("pretix.event.order.placed", json!({"code": "T0CHT"})),
            ("pretix.event.order.paid", json!({"code": "T0CHT"})),
            (
                ACTION_REJECTED_ONCE,
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
        print_line(
            "\nPublishing four notifications; the receiver rejects the check-in the first time",
        )?;
        let publications: Vec<Value> = facts
            .iter()
            .map(|(action_type, data)| json!({"action_type": action_type, "event": "democon", "data": data}))
            .collect();
        let response = self
            .client
            .post_json(
                "organizers/bigevents/notifications/",
                &Value::Array(publications),
            )
            .await?;
        let published = response.as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(published
            .iter()
            .filter_map(|p| p["deliveries"].as_u64())
            .sum())
    }

    /// Prints attempts as they finish, until this many deliveries have succeeded or forever.
    async fn show(&mut self, mut remaining: Option<u64>) -> Result<()> {
        while remaining != Some(0) {
            let activity = match self.activity.recv().await {
                Ok(activity) => activity,
                Err(RecvError::Lagged(_)) => continue,
                // The server is stopping, which ends the demo.
                Err(RecvError::Closed) => return std::future::pending().await,
            };
            let Activity::Attempted { attempt, .. } = &*activity else {
                continue;
            };
            let is_success = attempt.exchange.outcome.is_success();
            print_line(describe(attempt))?;
            remaining =
                remaining.map(|left| left - u64::from(is_success && !attempt.is_test).min(left));
        }
        Ok(())
    }

    fn print_commands(&self) -> Result<()> {
        let (token, api) = (&self.token, self.base.join("api/v1/")?);
        print_line(format_args!(
            "\nDashboard: {}\n  log in as {USER_EMAIL} with the password {}",
            self.base, self.password
        ))?;
        print_line("\nTry it yourself. These commands work while the demo runs:\n")?;
        print_line("# publish a notification")?;
        print_line(format_args!(
            "curl -H 'Authorization: Token {token}' -H 'Content-Type: application/json' \
             -d '{{\"action_type\": \"pretix.event.order.paid\", \"event\": \"democon\", \"data\": {{\"code\": \"ABC12\"}}}}' \
             {api}organizers/bigevents/notifications/"
        ))?;
        print_line("# list the attempts of the first webhook, newest first")?;
        print_line(format_args!(
            "curl -H 'Authorization: Token {token}' '{api}organizers/bigevents/webhooks/1/attempts/?page_size=5'"
        ))?;
        print_line("# send a test to it")?;
        print_line(format_args!(
            "curl -X POST -H 'Authorization: Token {token}' -H 'Content-Type: application/json' -d '{{}}' \
             {api}organizers/bigevents/webhooks/1/test/"
        ))?;
        print_line("\nAPI documentation:")?;
        print_line(self.base.join("api/docs/")?)?;
        print_line("\nPress Ctrl-C to end the demo.\n")
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
    let result = match &attempt.exchange.outcome {
        outcome if outcome.is_success() && attempt.is_test => "tested    ".to_owned(),
        outcome if outcome.is_success() => "delivered ".to_owned(),
        Outcome::Answered { .. } | Outcome::Failed(_) => "failed    ".to_owned(),
    };
    let reason = match &attempt.exchange.outcome {
        outcome if outcome.is_success() => String::new(),
        Outcome::Failed(failure) => format!(" ({failure})"),
        Outcome::Answered { status, .. } if *number == 1 => {
            format!(" (responded {status}; the next attempt is in 5 s)")
        }
        Outcome::Answered { status, .. } => format!(" (responded {status})"),
    };
    format!(
        "  {result} #{notification} {action_type} to {target_url}, attempt {number}, {took} ms{reason}"
    )
}
