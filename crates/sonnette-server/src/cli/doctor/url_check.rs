//! Checks of URLs: those of receivers by the rules of deliveries, those of the server itself by a plain request.

use std::time::Duration;

use anyhow::{Result, anyhow};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{DATE, HOST, USER_AGENT};
use hyper::{Method, Request, Response};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::TargetUrl;
use sonnette::engine::sender::{SenderConfig, TargetConnector};
use url::Url;

use crate::app::sender_config;
use crate::cli::block_on;
use crate::cli::http_client::{ClientRequest, HttpClient, exchange};
use crate::config::Settings;

/// Receivers reject signatures from a clock that differs by more seconds.
const MAX_CLOCK_SKEW_SECONDS: i64 = 60;
/// Maximum time of a request to a URL.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Connects to a receiver as a delivery does, and sends a GET. Returns the origin of the URL, and the finding.
pub(super) fn check_receiver(settings: &Settings, text: &str) -> (String, Result<String>) {
    let Ok(url) = text.parse::<TargetUrl>() else {
        // What stands before an @ may be a password.
        let shown = text.rsplit('@').next().unwrap_or_default();
        let name = shown.split(['?', '#']).next().unwrap_or_default();
        let finding = anyhow!("this is no URL; expected one such as https://example.org/in");
        return (name.to_owned(), Err(finding));
    };
    let finding = block_on(async {
        let config = SenderConfig {
            timeout: REQUEST_TIMEOUT.min(Duration::from_secs(settings.timeout_seconds)),
            ..sender_config(settings)
        };
        let connection = TargetConnector::new(config)?.connect(&url).await?;
        let request = Request::builder()
            .uri(connection.path())
            .header(HOST, connection.authority())
            .header(USER_AGENT, concat!("sonnette/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::new()))?;
        with_timeout(exchange(connection, request)).await
    });
    (
        origin(&url),
        finding.and_then(|response| describe(&response)),
    )
}

/// Scheme, host and port.
fn origin(url: &TargetUrl) -> String {
    let shown = url.redacted_without_query();
    let host_start = shown.find("://").map_or(0, |at| at + 3);
    let end = shown[host_start..]
        .find('/')
        .map_or(shown.len(), |at| host_start + at);
    shown[..end].to_owned()
}

/// Asks a URL of the server itself, which needs no public address.
pub(super) fn check_server(settings: &Settings, url: &Url) -> Result<String> {
    let http = HttpClient::new(settings)?;
    let outgoing = ClientRequest {
        method: Method::GET,
        url: url.clone(),
        headers: Vec::new(),
        body: Bytes::new(),
    };
    let response = block_on(with_timeout(http.send(outgoing)))?;
    describe(&response)
}

async fn with_timeout<T>(request: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(REQUEST_TIMEOUT, request)
        .await
        .map_err(|_| anyhow!("no response in time"))?
}

/// The status and whether the clocks agree.
fn describe<B>(response: &Response<B>) -> Result<String> {
    let answered = format!("responds {}", response.status());
    let Some(skew) = clock_skew_seconds(response) else {
        return Ok(answered);
    };
    if skew.abs() > MAX_CLOCK_SKEW_SECONDS {
        return Err(anyhow!(
            "{answered}, but its clock differs by {} s",
            skew.abs()
        ));
    }
    Ok(format!("{answered}, and its clock agrees"))
}

fn clock_skew_seconds<B>(response: &Response<B>) -> Option<i64> {
    let date = response.headers().get(DATE)?.to_str().ok()?;
    let theirs: Timestamp = rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(SystemClock.now().as_second() - theirs.as_second())
}
