//! A signed request, made from the prepared parts of its webhook.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::Full;
use jiff::Timestamp;

use super::Request;
use super::prepared_webhook::{PreparedWebhook, Target};

static LENGTH: HeaderName = CONTENT_LENGTH;
static WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
static WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
static WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
static PARTNERS_SIGNATURE: HeaderName = HeaderName::from_static("x-partners-signature");
static WEBHOOK_TEST: HeaderName = HeaderName::from_static("webhook-test");

/// A signed request. It can be sent more than once, over HTTP/1.1 or HTTP/2.
pub(super) struct SignedRequest<'a> {
    prepared: &'a PreparedWebhook,
    target: &'a Target,
    body: &'a Bytes,
    pub(super) is_repeat: bool,
    /// The headers that differ from request to request, in order.
    signed_headers: Vec<(&'static HeaderName, HeaderValue)>,
}

impl<'a> SignedRequest<'a> {
    /// Signs a request. None: the id has characters that a header cannot hold.
    pub(super) fn sign(
        request: &'a Request<'_>,
        target: &'a Target,
        now: Timestamp,
    ) -> Option<Self> {
        let Request {
            prepared,
            message_id,
            body,
            test,
            is_repeat,
        } = request;
        let timestamp = now.as_second().to_string();
        let signature = prepared
            .keys
            .sign_standard(message_id, &timestamp, body, now);
        let mut own = Vec::with_capacity(6);
        own.push((&LENGTH, HeaderValue::from(body.len())));
        own.push((&WEBHOOK_ID, HeaderValue::from_str(message_id).ok()?));
        own.push((&WEBHOOK_TIMESTAMP, HeaderValue::try_from(timestamp).ok()?));
        own.push((&WEBHOOK_SIGNATURE, HeaderValue::try_from(signature).ok()?));
        if let Some(signature) = prepared.keys.sign_creads(body) {
            own.push((&PARTNERS_SIGNATURE, HeaderValue::try_from(signature).ok()?));
        }
        if *test {
            own.push((&WEBHOOK_TEST, HeaderValue::from_static("1")));
        }
        Some(Self {
            prepared,
            target,
            body,
            is_repeat: *is_repeat,
            signed_headers: own,
        })
    }

    pub(super) fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The head of the request as HTTP/1.1 sends it.
    pub(super) fn http1_head(&self) -> Vec<u8> {
        let mut head = Vec::with_capacity(
            self.prepared.recorded_headers.len() + self.body.len().min(32 * 1024) + 640,
        );
        let mut line = |start: &[u8], rest: &[u8]| {
            head.extend_from_slice(start);
            head.extend_from_slice(rest);
        };
        line(b"POST ", self.target.path.as_bytes());
        line(b" HTTP/1.1\r\nhost: ", self.target.authority.as_bytes());
        let fixed = self
            .prepared
            .headers
            .iter()
            .map(|(name, value)| (name, value));
        let own = self
            .signed_headers
            .iter()
            .map(|(name, value)| (*name, value));
        for (name, value) in fixed.chain(own) {
            line(b"\r\n", name.as_str().as_bytes());
            line(b": ", value.as_bytes());
        }
        line(b"\r\n", b"\r\n");
        head
    }

    /// The request as HTTP/2 sends it, with the absolute URL instead of a `Host` header.
    pub(super) fn http2_request(&self) -> http::Request<Full<Bytes>> {
        let fixed = &self.prepared.headers;
        let mut headers = HeaderMap::with_capacity(fixed.len() + self.signed_headers.len());
        for (name, value) in fixed {
            headers.append(name, value.clone());
        }
        for (name, value) in &self.signed_headers {
            headers.append(*name, value.clone());
        }
        let mut request = http::Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.absolute.clone();
        *request.headers_mut() = headers;
        request
    }

    /// The headers as they are recorded, one per line, with secrets masked. `host` is among them for HTTP/2 too.
    pub(super) fn recorded_headers(&self) -> String {
        let mut lines = String::with_capacity(self.prepared.recorded_headers.len() + 320);

        lines.push_str("host: ");
        lines.push_str(self.target.authority.to_str().unwrap_or_default());
        lines.push('\n');
        lines.push_str(&self.prepared.recorded_headers);
        for (name, value) in &self.signed_headers {
            lines.push_str(name.as_str());
            lines.push_str(": ");
            lines.push_str(value.to_str().unwrap_or_default());
            lines.push('\n');
        }
        lines
    }
}
