//! `sonnette demo`: everything at work, in one process, on ports and a store that nobody else uses.

mod receiver;
mod story;

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;
use ipnet::IpNet;
use sonnette::clock::SystemClock;
use sonnette::domain::{Scope, UserAccess};
use sonnette::engine::sender::AllowTarget;
use sonnette::store::sqlite::SqliteStore;
use tokio::sync::oneshot;
use url::Url;

use self::receiver::Receiver;
use self::story::Story;
use super::client::Client;
use super::serve::asked_to_stop;
use super::{block_on, output, token, user};
use crate::app::App;
use crate::config::{Confidential, Settings};
use crate::credentials::{hash_password, random_secret_text, random_token};

/// Who may look at the dashboard.
const USER: &str = "demo@example.org";

/// The command.
#[derive(Args)]
pub(super) struct Demo {}

impl Demo {
    #[expect(clippy::unused_self, reason = "every command is run the same way")]
    pub(super) fn run(self, given: &Settings) -> Result<()> {
        let directory = tempfile::tempdir().context("there is no place for a temporary store")?;
        let store = SqliteStore::open(directory.path())?;
        let token = random_token()?;
        token::add(&store, &token, "demo", Scope::Operator)?;
        let password = random_secret_text()?[..12].to_owned();
        let hash = hash_password(&password)?;
        user::add(&store, USER.parse()?, UserAccess::Operator, Some(hash))?;
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
        let base = Url::parse(&format!("http://{}/", listener.local_addr()?))?;
        let settings = Settings {
            allow_target: vec![AllowTarget::Network(IpNet::from(std::net::IpAddr::from(
                Ipv4Addr::LOCALHOST,
            )))],
            url: Some(base.clone()),
            token: Some(Confidential::new(token.clone())),
            threads: given.threads,
            sending_threads: given.sending_threads,
            ..Settings::default()
        };
        block_on(async {
            let stop = asked_to_stop()?;
            let receiver = Receiver::start().await?;
            let app = App::build(&settings, Arc::new(store), Arc::new(SystemClock))?;
            let play = Story {
                client: Client::new(&settings)?,
                base,
                token,
                password,
                receiver,
                news: app.watch(),
            };
            let (end, ended) = oneshot::channel::<()>();
            let serving = app.run(listener, async {
                // Either way it is over.
                let _ = ended.await;
            });
            let told = async {
                let told = tokio::select! {
                    told = play.tell() => told,
                    () = stop => Ok(()),
                };
                drop(end);
                told
            };
            let (served, told) = tokio::join!(serving, told);
            served?;
            told
        })?;
        output::line("\nThe demo is over; its store is gone.")
    }
}
