//! `sonnette healthcheck`.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use http_body_util::BodyExt as _;
use hyper::Method;

use super::http_client::{ClientRequest, HttpClient, server_url, unreachable_server};
use super::{block_on, output};
use crate::config::Settings;

/// Maximum time of the request; `/readyz` answers within a second.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The arguments of the command.
#[derive(Args)]
pub(super) struct Healthcheck {}

impl Healthcheck {
    #[expect(clippy::unused_self, reason = "every command is run the same way")]
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let url = server_url(settings)?
            .join("readyz")
            .context("invalid URL")?;
        let request = ClientRequest {
            method: Method::GET,
            url: url.clone(),
            headers: Vec::new(),
            body: bytes::Bytes::new(),
        };
        let http = HttpClient::new(settings)?;
        let (status, body) = block_on(async {
            let exchange = async {
                let response = http.send(request).await;
                let response = response.with_context(|| unreachable_server(&url))?;
                let status = response.status();
                let body = response.into_body().collect().await?.to_bytes();
                Ok::<_, anyhow::Error>((status, body))
            };
            tokio::time::timeout(REQUEST_TIMEOUT, exchange)
                .await
                .map_err(|_| anyhow!("{url} did not respond in time"))?
        })?;
        let text = String::from_utf8_lossy(&body);
        if !status.is_success() {
            bail!("{url} responded {status}: {}", text.trim_end());
        }
        output::print_line(text.trim_end())
    }
}
