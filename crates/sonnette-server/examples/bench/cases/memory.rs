//! Memory of the server: idle, after the loads of the throughput, and with many deliveries waiting for a dead receiver;
//! then `kill -9`, restart and drain.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use http::Method;
use sonnette::clock::{Clock as _, SystemClock};

use crate::Bench;
use crate::installation::{Installation, webhook_json};
use crate::load::{CONNECTIONS, Load};
use crate::receiver::{Behavior, Receiver};
use crate::report::{Section, figure};
use crate::statistics::{format_mebibytes, thousands};

/// The address of a receiver that is down: a port that was free, at an address from which nothing connects.
pub(super) fn unused_address() -> Result<SocketAddr> {
    let receiver = Receiver::start(([127, 0, 0, 2], 0).into(), Behavior::Accept)?;
    Ok(receiver.address())
}

pub(super) async fn run(bench: &Bench) -> Result<Section> {
    let scale = &bench.scale;
    let mut installation = Installation::start(bench).await?;
    let idle = installation.server.memory()?.resident;
    for (organizer, webhooks) in [("one", 1), ("ten", 10)] {
        installation.create_organizer(organizer).await?;
        installation.create_webhooks(organizer, webhooks).await?;
    }
    installation
        .deliver("one", &Load::singles(scale.singles), 1)
        .await?;
    installation
        .deliver("ten", &Load::singles(scale.ten_webhook_publications), 10)
        .await?;
    let arrays = Load::arrays(scale.arrays, 100, CONNECTIONS);
    installation.deliver("one", &arrays, 1).await?;
    let loaded = installation.server.memory()?;

    let dead = unused_address()?;
    installation.create_organizer("dead").await?;
    let webhook = webhook_json(&format!("http://{dead}/0"), None);
    installation
        .create_all("dead", "webhooks", [webhook].into_iter())
        .await?;
    let load = Load::arrays(scale.waiting, 1_000, 4);
    let published = installation.publish("dead", &load).await?;
    ensure!(
        published.accepted == load.count,
        "not all publications were accepted"
    );
    let waiting = installation.server.memory()?;

    installation.server.kill()?;
    let ready = installation.server.start_again().await?;
    let (drained, duplicates, drain_peak) = drain(&installation, dead, load.count).await?;
    let waiting_count = thousands(load.count as f64);
    Ok(Section {
        title: "Memory, restart and drain",
        description: "Resident memory of the server. The loads are those of the throughput, once each. The publications that wait \
             are published in arrays of 1,000 over four connections while their receiver is down; then the server is killed with \
             SIGKILL and started again, the receiver comes back, and `expedite/` is requested."
            .to_owned(),
        columns: vec!["Figure", "Value"],
        rows: vec![
            figure("Idle", format_mebibytes(idle)),
            figure("After the loads", format_mebibytes(loaded.resident)),
            figure("Peak of the loads", format_mebibytes(loaded.peak)),
            figure(format!("With {waiting_count} deliveries waiting"), format_mebibytes(waiting.resident)),
            figure("Peak until then", format_mebibytes(waiting.peak)),
            figure("Accepted a second meanwhile", thousands(published.per_second())),
            figure("Ready after SIGKILL", format!("{:.2} s", ready.as_secs_f64())),
            figure("Drained a second once the receiver was back", thousands(drained)),
            figure("Delivered twice after SIGKILL", duplicates.to_string()),
            figure("Peak after the restart", format_mebibytes(drain_peak)),
        ],
        chart: None,
    })
}

/// Starts the receiver and lets everything that waits arrive: deliveries a second, duplicates, peak of memory.
async fn drain(
    installation: &Installation,
    address: SocketAddr,
    count: u64,
) -> Result<(f64, u64, u64)> {
    let receiver = Receiver::start(address, Behavior::Accept)?;
    receiver.reset(1);
    let began = SystemClock.instant();
    expedite(installation, "dead").await?;
    let delivered = receiver.wait_for(count).await?;
    let time = delivered.last.duration_since(began);
    let peak = installation.server.memory()?.peak;
    Ok((
        count as f64 / time.as_secs_f64(),
        delivered.duplicates,
        peak,
    ))
}

/// Sends what waits for the first webhook of an organizer now.
pub(super) async fn expedite(installation: &Installation, organizer: &str) -> Result<()> {
    let mut client = installation.client()?;
    let path = format!("/api/v1/organizers/{organizer}/webhooks/");
    let list = client.json(Method::GET, &path, None).await?;
    let path = format!("{path}{}/expedite/", list["results"][0]["id"]);
    client.json(Method::POST, &path, None).await?;
    Ok(())
}
