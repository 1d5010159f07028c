//! `sonnette demo`: a server, a receiver and example notifications in one process, with a temporary store and free ports.

mod receiver;
mod scenario;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;
use ipnet::IpNet;
use sonnette::clock::SystemClock;
use sonnette::domain::{Scope, UserAccess};
use sonnette::engine::sender::AllowTarget;
use sonnette::store::sqlite::SqliteStore;
use tokio::sync::oneshot;

use self::receiver::Receiver;
use self::scenario::Scenario;
use super::http_client::{ApiClient, local_url};
use super::serve::shutdown_signal;
use super::{block_on, output, token, user};
use crate::app::App;
use crate::config::{SecretString, Settings};
use crate::credentials::{hash_password, random_session_token, random_token};

/// The user of the dashboard.
const USER_EMAIL: &str = "demo@example.org";

/// The arguments of the command.
#[derive(Args)]
pub(super) struct Demo {}

impl Demo {
    #[expect(clippy::unused_self, reason = "every command is run the same way")]
    pub(super) fn run(self, given: &Settings, listen: Option<SocketAddr>) -> Result<()> {
        let directory = tempfile::tempdir().context("cannot create a temporary store")?;
        let store = SqliteStore::open(directory.path())?;
        let token = random_token()?;
        token::add(&store, &token, "demo", Scope::Operator)?;
        let password = random_session_token()?[..12].to_owned();
        let hash = hash_password(&password)?;
        user::add(
            &store,
            USER_EMAIL.parse()?,
            UserAccess::Operator,
            Some(hash),
        )?;
        let listen = listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 0).into());
        let listener = TcpListener::bind(listen).with_context(|| {
            format!("cannot listen on {listen} (choose another address with --listen)")
        })?;
        let address = listener.local_addr()?;
        let base = local_url(address)?;
        let settings = Settings {
            allow_target: vec![AllowTarget::Network(IpNet::from(std::net::IpAddr::from(
                Ipv4Addr::LOCALHOST,
            )))],
            url: Some(base.clone()),
            token: Some(SecretString::new(token.clone())),
            threads: given.threads,
            sending_threads: given.sending_threads,
            ..Settings::default()
        };
        block_on(async {
            let stop = shutdown_signal()?;
            let receiver = Receiver::start().await?;
            let app = App::build(&settings, Arc::new(store), Arc::new(SystemClock), address)?;
            let scenario = Scenario {
                client: ApiClient::new(&settings)?,
                base,
                token,
                password,
                receiver,
                activity: app.watch(),
            };
            let (end, ended) = oneshot::channel::<()>();
            let serving = app.run(listener, async {
                // A dropped sender also ends the demo.
                let _ = ended.await;
            });
            let playing = async {
                let result = tokio::select! {
                    result = scenario.run() => result,
                    () = stop => Ok(()),
                };
                drop(end);
                result
            };
            let (served, played) = tokio::join!(serving, playing);
            served?;
            played
        })?;
        output::print_line("\nThe demo has ended; its store is deleted.")
    }
}
