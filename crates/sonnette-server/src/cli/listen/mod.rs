//! `sonnette listen`.

mod event_stream;
mod forward;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use hyper::Method;
use serde_json::Value;
use sonnette::domain::{ActionName, OrganizerSlug};
use tokio::sync::mpsc;
use url::Url;

use self::event_stream::Lines;
use self::forward::Forward;
use super::http_client::{Client, error_text};
use super::serve::asked_to_stop;
use super::{Misuse, block_on, output};
use crate::config::Settings;

/// The longest wait before the stream is opened again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The command.
#[derive(Args)]
pub(super) struct Listen {
    /// Whose notifications
    organizer: OrganizerSlug,
    /// POST each one here, signed as a webhook's would be
    #[arg(long, value_name = "URL")]
    forward: Option<Url>,
    /// Only these action types, or a wildcard over them; repeatable
    #[arg(long = "action-type", value_name = "ACTION_TYPE")]
    action_types: Vec<ActionName>,
}

/// A publication as the stream tells of it.
pub(super) struct Publication {
    id: i64,
    action_type: String,
    event: Option<String>,
    at: String,
    payload: String,
}

/// How one opened stream ended.
enum Ended {
    /// The connection broke off, or the server stopped: worth another try. True if it had been open.
    Lost(bool, String),
    /// The server said no.
    Refused(String),
}

impl Listen {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let client = Client::new(settings)?;
        if self
            .forward
            .as_ref()
            .is_some_and(|url| !matches!(url.scheme(), "http" | "https"))
        {
            return Err(Misuse(
                "--forward: expected a URL that begins with http:// or https://".to_owned(),
            )
            .into());
        }
        let forward = self
            .forward
            .clone()
            .map(|url| Forward::new(url, settings))
            .transpose()?;
        block_on(async {
            let stop = asked_to_stop()?;
            let (queue, waiting) = mpsc::channel(1024);
            tokio::select! {
                () = stop => Ok(()),
                result = self.follow(&client, &queue) => result,
                result = show(waiting, forward) => result,
            }
        })
    }

    /// Opens the stream again and again, with growing pauses.
    async fn follow(&self, client: &Client, queue: &mpsc::Sender<Publication>) -> Result<()> {
        let mut wait = Duration::from_millis(500);
        loop {
            match self.once(client, queue).await {
                Ended::Refused(reason) => bail!("{reason}"),
                Ended::Lost(opened, reason) => {
                    if opened {
                        wait = Duration::from_millis(500);
                    }
                    eprintln!(
                        "not connected: {reason}; again in {:.1} s",
                        wait.as_secs_f32()
                    );
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn once(&self, client: &Client, queue: &mpsc::Sender<Publication>) -> Ended {
        let path = format!("organizers/{}/stream/", self.organizer);
        let response = match client
            .open(Method::GET, &path, None, "text/event-stream")
            .await
        {
            Ok(response) => response,
            Err(error) => return Ended::Lost(false, format!("{error:#}")),
        };
        let status = response.status();
        let mut lines = Lines::new(response.into_body());
        if !status.is_success() {
            let text = format!(
                "the server answered {status}: {}",
                error_text(&lines.rest().await)
            );
            let passing = status.is_server_error() || status.as_u16() == 429;
            return if passing {
                Ended::Lost(false, text)
            } else {
                Ended::Refused(text)
            };
        }
        eprintln!("listening to {}", self.organizer);
        loop {
            match lines.next().await {
                Ok(Some(told)) if told.name == "lagged" => {
                    eprintln!("some were missed: more came than could be passed on");
                }
                Ok(Some(told)) => {
                    let Some(publication) = Publication::read(&told.name, &told.data) else {
                        continue;
                    };
                    let wanted = self.action_types.is_empty()
                        || self
                            .action_types
                            .iter()
                            .any(|name| name.covers(&publication.action_type));
                    if wanted && queue.send(publication).await.is_err() {
                        return Ended::Lost(true, "nobody shows what comes".to_owned());
                    }
                }
                Ok(None) => return Ended::Lost(true, "the server closed the stream".to_owned()),
                Err(error) => return Ended::Lost(true, format!("{error:#}")),
            }
        }
    }
}

impl Publication {
    /// None for what the stream tells of besides.
    fn read(name: &str, data: &str) -> Option<Self> {
        if name != "publication" {
            return None;
        }
        let fields: Value = serde_json::from_str(data).ok()?;
        let text = |key: &str| fields[key].as_str().map(str::to_owned);
        let payload = match &fields["payload"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(Self {
            id: fields["notification_id"].as_i64()?,
            action_type: text("action_type")?,
            event: text("event"),
            at: text("datetime").unwrap_or_default(),
            payload,
        })
    }
}

/// Prints each publication and passes it on, one after the other.
async fn show(mut waiting: mpsc::Receiver<Publication>, forward: Option<Forward>) -> Result<()> {
    while let Some(publication) = waiting.recv().await {
        let Publication {
            id,
            action_type,
            event,
            at,
            payload,
        } = &publication;
        let event = event
            .as_ref()
            .map_or_else(String::new, |event| format!(" {event}"));
        output::line(format_args!("{at} #{id} {action_type}{event}"))
            .context("standard output is closed")?;
        output::line(format_args!("  {payload}"))?;
        if let Some(forward) = &forward {
            output::line(format_args!("  -> {}", forward.send(&publication).await))?;
        }
    }
    Ok(())
}
