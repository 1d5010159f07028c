//! What the connections of a receiver share: the requests so far and the scripts of responses.

use std::collections::HashMap;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::scripted_response::ScriptedResponse;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct ReceivedRequest {
    /// `POST`.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// In the order of arrival, with names in lower case; over HTTP/2 without `:authority`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// The number of the connection, from 1 in the order of acceptance.
    pub connection: usize,
    /// Whether it came over HTTP/2.
    pub http2: bool,
    /// When the whole request had arrived.
    pub at: Instant,
}

impl ReceivedRequest {
    /// The value of the first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

/// The state of a receiver.
pub(super) struct ReceiverState {
    pub(super) requests: Mutex<Vec<ReceivedRequest>>,
    pub(super) request_count: watch::Sender<usize>,
    pub(super) scripts: Mutex<HashMap<Option<String>, Script>>,
    /// Chooses the responses, in place of the scripts.
    pub(super) responder: Mutex<Option<Responder>>,
    pub(super) connections: watch::Sender<usize>,
}

/// Chooses the response to a request.
pub(super) type Responder = Box<dyn Fn(&ReceivedRequest) -> ScriptedResponse + Send>;

pub(super) struct Script {
    pub(super) responses: Vec<ScriptedResponse>,
    pub(super) next: usize,
}

impl ReceiverState {
    /// Records a request and returns the next response: of the responder, of the script of its path, or of the general script.
    pub(super) fn record_request(&self, request: ReceivedRequest) -> ScriptedResponse {
        let responder = self.responder.lock();
        let response = responder.as_ref().map(|respond| respond(&request));
        drop(responder);
        let response = response.unwrap_or_else(|| self.next_scripted(&request));
        let mut requests = self.requests.lock();
        requests.push(request);
        self.request_count.send_replace(requests.len());
        response
    }

    fn next_scripted(&self, request: &ReceivedRequest) -> ScriptedResponse {
        let path = request
            .path
            .split('?')
            .next()
            .unwrap_or_default()
            .to_owned();
        let mut scripts = self.scripts.lock();
        let own = Some(path);
        let key = if scripts.contains_key(&own) {
            own
        } else {
            None
        };
        scripts
            .get_mut(&key)
            .map_or_else(ScriptedResponse::ok, Script::next)
    }
}

impl Script {
    fn next(&mut self) -> ScriptedResponse {
        let response = self.responses[self.next].clone();
        self.next = (self.next + 1).min(self.responses.len() - 1);
        response
    }
}
