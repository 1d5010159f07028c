//! `sonnette listen`.

mod event_stream;
mod forward;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use hyper::header::{ACCEPT, HeaderName, HeaderValue};
use hyper::{Method, Response, body::Incoming};
use serde_json::Value;
use sonnette::domain::{ActionTypeName, OrganizerSlug};
use tokio::sync::mpsc;

use self::event_stream::SseStream;
use self::forward::Forward;
use super::http_client::{ApiClient, refusal_text};
use super::serve::shutdown_signal;
use super::{block_on, output};
use crate::config::Settings;

/// First delay before the stream is opened again.
const MIN_RECONNECT_DELAY: Duration = Duration::from_millis(500);
/// Maximum delay before the stream is opened again.
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(30);

/// The arguments of the command.
#[derive(Args)]
pub(super) struct Listen {
    /// Organizer of the notifications
    organizer: OrganizerSlug,
    /// URL to forward each notification to, signed like the request of a webhook
    #[arg(long, value_name = "URL")]
    forward: Option<String>,
    /// Action type or wildcard to print; repeatable [default: all]
    #[arg(long = "action-type", value_name = "ACTION_TYPE")]
    action_types: Vec<ActionTypeName>,
}

/// A published notification, as the stream reports it.
pub(super) struct Publication {
    id: i64,
    action_type: String,
    event: Option<String>,
    at: String,
    payload: String,
}

/// Why a stream ended.
enum StreamEnd {
    /// The connection failed or the server stopped; it can be opened again. The flag tells whether it was open.
    Disconnected(bool, String),
    /// The server refused the request.
    Refused(String),
}

impl Listen {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let client = ApiClient::new(settings)?;
        let forward = self
            .forward
            .as_deref()
            .map(|url| Forward::new(url, settings))
            .transpose()?;
        block_on(async {
            let stop = shutdown_signal()?;
            let (queue, publications) = mpsc::channel(1024);
            tokio::select! {
                () = stop => Ok(()),
                result = self.follow(&client, &queue) => result,
                result = show(publications, forward) => result,
            }
        })
    }

    /// Opens the stream, and opens it again after a growing delay.
    async fn follow(&self, client: &ApiClient, queue: &mpsc::Sender<Publication>) -> Result<()> {
        let mut delay = MIN_RECONNECT_DELAY;
        let mut last_id = String::new();
        loop {
            match self.read_stream(client, queue, &mut last_id).await {
                StreamEnd::Refused(reason) => bail!("{reason}"),
                StreamEnd::Disconnected(opened, reason) => {
                    if opened {
                        delay = MIN_RECONNECT_DELAY;
                    }
                    eprintln!(
                        "not connected: {reason}; retrying in {:.1} s",
                        delay.as_secs_f32()
                    );
                }
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(MAX_RECONNECT_DELAY);
        }
    }

    /// Reads the stream until it ends. `last_id` is where the next one resumes: nothing that is published meanwhile is
    /// skipped.
    async fn read_stream(
        &self,
        client: &ApiClient,
        queue: &mpsc::Sender<Publication>,
        last_id: &mut String,
    ) -> StreamEnd {
        let response = match self.open_stream(client, last_id).await {
            Ok(response) => response,
            Err(error) => return StreamEnd::Disconnected(false, format!("{error:#}")),
        };
        let status = response.status();
        let mut events = SseStream::new(response.into_body());
        if !status.is_success() {
            let text = refusal_text(status, &events.rest().await);
            let is_temporary = status.is_server_error() || status.as_u16() == 429;
            return if is_temporary {
                StreamEnd::Disconnected(false, text)
            } else {
                StreamEnd::Refused(text)
            };
        }
        if last_id.is_empty() {
            eprintln!("listening to {}", self.organizer);
        } else {
            eprintln!("listening to {} again, after #{last_id}", self.organizer);
        }
        let end = self.read_events(&mut events, queue).await;
        if !events.last_id().is_empty() {
            events.last_id().clone_into(last_id);
        }
        end
    }

    async fn open_stream(&self, client: &ApiClient, last_id: &str) -> Result<Response<Incoming>> {
        let path = format!("organizers/{}/stream/", self.organizer);
        let mut headers = vec![(ACCEPT, HeaderValue::from_static("text/event-stream"))];
        if !last_id.is_empty() {
            let name = HeaderName::from_static("last-event-id");
            headers.push((name, HeaderValue::from_str(last_id)?));
        }
        client.open(Method::GET, &path, None, headers).await
    }

    async fn read_events(
        &self,
        events: &mut SseStream,
        queue: &mpsc::Sender<Publication>,
    ) -> StreamEnd {
        loop {
            match events.next().await {
                Ok(Some(event)) if event.name == "lagged" => {
                    eprintln!(
                        "some notifications were skipped: there were more than the server keeps for this stream"
                    );
                }
                Ok(Some(event)) => {
                    let Some(publication) = Publication::read(&event.name, &event.data) else {
                        continue;
                    };
                    let is_selected = self.action_types.is_empty()
                        || self
                            .action_types
                            .iter()
                            .any(|name| name.matches(&publication.action_type));
                    if is_selected && queue.send(publication).await.is_err() {
                        return StreamEnd::Disconnected(true, "the output is closed".to_owned());
                    }
                }
                Ok(None) => {
                    return StreamEnd::Disconnected(
                        true,
                        "the server closed the stream".to_owned(),
                    );
                }
                Err(error) => return StreamEnd::Disconnected(true, format!("{error:#}")),
            }
        }
    }
}

impl Publication {
    /// Parses an event of the stream; `None` for other kinds of events.
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

/// Prints and forwards each notification, one after the other.
async fn show(
    mut publications: mpsc::Receiver<Publication>,
    forward: Option<Forward>,
) -> Result<()> {
    while let Some(publication) = publications.recv().await {
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
        output::print_line(format_args!("{at} #{id} {action_type}{event}"))
            .context("standard output is closed")?;
        output::print_line(format_args!("  {payload}"))?;
        if let Some(forward) = &forward {
            output::print_line(format_args!("  -> {}", forward.send(&publication).await))?;
        }
    }
    Ok(())
}
