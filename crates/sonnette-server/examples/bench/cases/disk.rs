//! Bytes of the store for each publication.

use anyhow::Result;

use crate::Bench;
use crate::installation::Installation;
use crate::load::{Load, write_message};
use crate::report::Section;
use crate::statistics::thousands;

pub(super) async fn run(bench: &Bench) -> Result<Section> {
    let scale = &bench.scale;
    let mut rows = Vec::new();
    for (label, webhooks, count) in [
        ("one webhook", 1, scale.singles * 2),
        ("ten webhooks", 10, scale.ten_webhook_publications * 2),
    ] {
        let bytes = bytes_of_publication(bench, webhooks, count).await?;
        rows.push(vec![
            label.to_owned(),
            thousands(count as f64),
            thousands(bytes),
        ]);
    }
    let mut message = String::new();
    write_message(&mut message, 0);
    Ok(Section {
        title: "Disk",
        description: format!(
            "How much the files of the store have grown for each publication of {} bytes that was delivered at the first attempt: \
             notification, deliveries, attempts and indexes, after the server has stopped.",
            message.len()
        ),
        columns: vec!["Delivered to", "Publications", "Bytes for each"],
        rows,
        chart: None,
    })
}

async fn bytes_of_publication(bench: &Bench, webhooks: u64, count: u64) -> Result<f64> {
    let mut installation = Installation::start(bench).await?;
    installation.create_organizer("one").await?;
    installation.create_webhooks("one", webhooks).await?;
    installation.server.stop().await?;
    let before = installation.server.store_bytes()?;
    installation.server.start_again().await?;
    installation
        .deliver("one", &Load::singles(count), webhooks)
        .await?;
    installation.server.stop().await?;
    let grown = installation.server.store_bytes()?.saturating_sub(before);
    Ok(grown as f64 / count as f64)
}
