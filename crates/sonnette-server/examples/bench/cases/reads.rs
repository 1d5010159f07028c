//! How long requests that read take with many rows in the store.

use anyhow::{Context as _, Result};
use http::Method;
use http::header::{LOCATION, SET_COOKIE};

use super::memory::unused_address;
use crate::Bench;
use crate::client::HttpClient;
use crate::installation::{Installation, webhook_json};
use crate::load::{CONNECTIONS, Load};
use crate::report::Section;
use crate::statistics::thousands;

/// Requests whose median is taken.
const REQUESTS: usize = 15;

/// Resources of the API.
const API_READS: [(&str, &str); 7] = [
    ("`/metrics`", "/metrics"),
    ("`/readyz`", "/readyz"),
    (
        "`health/` of the webhook",
        "/api/v1/organizers/one/webhooks/1/health/",
    ),
    (
        "`attempts/` of the webhook",
        "/api/v1/organizers/one/webhooks/1/attempts/",
    ),
    (
        "`attempts/` of the organizer",
        "/api/v1/organizers/one/attempts/",
    ),
    (
        "`deliveries/` of the webhook",
        "/api/v1/organizers/one/webhooks/1/deliveries/",
    ),
    ("`notifications/`", "/api/v1/organizers/one/notifications/"),
];

/// Pages of the dashboard.
const PAGE_READS: [(&str, &str); 5] = [
    ("Page of the webhook", "/portal/one/webhooks/1/"),
    (
        "Page of its deliveries",
        "/portal/one/webhooks/1/deliveries/",
    ),
    ("Page of all webhooks", "/portal/one/webhooks/"),
    ("Page of all attempts", "/portal/one/attempts/"),
    ("Page of notifications", "/portal/one/notifications/"),
];

pub(super) async fn run(bench: &Bench) -> Result<Section> {
    let scale = &bench.scale;
    let installation = Installation::start(bench).await?;
    installation.create_organizer("one").await?;
    installation.create_webhooks("one", 1).await?;
    let attempts = Load::arrays(scale.attempts, 100, CONNECTIONS);
    installation.deliver("one", &attempts, 1).await?;
    installation.create_organizer("dead").await?;
    let webhook = webhook_json(&format!("http://{}/0", unused_address()?), None);
    installation
        .create_all("dead", "webhooks", [webhook].into_iter())
        .await?;
    let waiting = Load::arrays(scale.waiting, 1_000, 4);
    installation.publish("dead", &waiting).await?;

    let mut rows = Vec::new();
    let mut api = installation.client()?;
    let mut browser = enter_portal(&installation).await?;
    for (client, list) in [
        (&mut api, API_READS.as_slice()),
        (&mut browser, PAGE_READS.as_slice()),
    ] {
        for (label, path) in list {
            let times = Installation::get_times_ms(client, path, REQUESTS).await?;
            rows.push(vec![(*label).to_owned(), times.format(2)]);
        }
    }
    Ok(Section {
        title: "Reading with many rows",
        description: format!(
            "A webhook with {} attempts in the log, and another one with {} deliveries that wait for a dead receiver. {REQUESTS} \
             requests one after the other over one connection.",
            thousands(attempts.count as f64),
            thousands(waiting.count as f64),
        ),
        columns: vec!["Request", "ms"],
        rows,
        chart: None,
    })
}

/// A client with the session of a customer of the organizer.
async fn enter_portal(installation: &Installation) -> Result<HttpClient> {
    let token = installation.server.run_command(&[
        "token",
        "create",
        "--organizer",
        "one",
        "--name",
        "portal",
    ])?;
    let address = installation.server.address();
    let path = "/api/v1/organizers/one/portal/";
    let link = HttpClient::new(address, Some(&token))?
        .json(Method::POST, path, None)
        .await?;
    let url: url::Url = link["url"]
        .as_str()
        .context("a portal link has no URL")?
        .parse()?;
    let path = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    let mut browser = HttpClient::new(address, None)?;
    let response = browser.send(Method::GET, &path, "".into()).await?;
    let cookies: Vec<&str> = response
        .headers()
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .collect();
    response
        .headers()
        .get(LOCATION)
        .context("the portal did not open")?;
    browser.set_cookie(cookies.join("; ").parse()?);
    Ok(browser)
}
