//! A server under test: `sonnette serve` on a free port, with a store in a temporary directory.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use sonnette::clock::{Clock as _, SystemClock};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::client::HttpClient;
use crate::process_stats::{self, Memory};

const START_TIMEOUT: Duration = Duration::from_mins(1);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// A server that ends, with its store, when it is dropped.
pub(crate) struct Server {
    program: PathBuf,
    directory: TempDir,
    child: Option<Child>,
    address: SocketAddr,
}

impl Server {
    /// Starts a server on an empty store below the directory.
    pub(crate) async fn start(program: &Path, directory: &Path) -> Result<Self> {
        let mut server = Self {
            program: program.to_owned(),
            directory: tempfile::tempdir_in(directory)?,
            child: None,
            address: ([127, 0, 0, 1], 0).into(),
        };
        server.run_command(&["migrate"])?;
        server.start_again().await?;
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SONNETTE") {
                command.env_remove(name);
            }
        }
        command.env("SONNETTE_DATA_DIR", self.data_directory());
        command.stdin(Stdio::null());
        command
    }

    fn data_directory(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Runs a command of the program, and returns what it prints.
    pub(crate) fn run_command(&self, args: &[&str]) -> Result<String> {
        let output = self.command().args(args).output()?;
        if !output.status.success() {
            let error = String::from_utf8_lossy(&output.stderr);
            bail!("sonnette {}: {}", args.join(" "), error.trim());
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Starts the program on the store. The time until it is ready.
    pub(crate) async fn start_again(&mut self) -> Result<Duration> {
        let log = self.directory.path().join("server.log");
        let mut command = self.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command.args(["--allow-target", "127.0.0.0/8", "--log-format", "text"]);
        command
            .stdout(Stdio::null())
            .stderr(File::create(&log).with_context(|| log.display().to_string())?);
        let began = SystemClock.instant();
        self.child = Some(command.spawn()?);
        self.address = loop {
            let text = std::fs::read_to_string(&log)?;
            if let Some(address) = listening_address(&text) {
                break address;
            }
            let has_exited = match &mut self.child {
                Some(child) => child.try_wait()?.is_some(),
                None => true,
            };
            if has_exited || began.elapsed() > START_TIMEOUT {
                bail!("the server did not start:\n{text}");
            }
            sleep(POLL_INTERVAL).await;
        };
        let mut client = HttpClient::new(self.address, None)?;
        loop {
            let response = client.send(Method::GET, "/readyz", "".into()).await?;
            if response.status().is_success() {
                return Ok(began.elapsed());
            }
            if began.elapsed() > START_TIMEOUT {
                bail!("the server is not ready: {}", response.status());
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    fn pid(&self) -> Result<u32> {
        let child = self.child.as_ref().context("the server is stopped")?;
        Ok(child.id())
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        process_stats::memory(self.pid()?)
    }

    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        process_stats::cpu_time(self.pid()?)
    }

    /// Ends the process at once, as a power cut does.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Lets the server stop in order.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        let Some(child) = &mut self.child else {
            return Ok(());
        };
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("no process id")?, Signal::TERM)?;
        let began = SystemClock.instant();
        while child.try_wait()?.is_none() {
            if began.elapsed() > STOP_TIMEOUT {
                bail!("the server did not stop within {STOP_TIMEOUT:?}");
            }
            sleep(POLL_INTERVAL).await;
        }
        self.child = None;
        Ok(())
    }

    /// The bytes of all files of the store.
    pub(crate) fn store_bytes(&self) -> Result<u64> {
        let mut bytes = 0;
        for entry in std::fs::read_dir(self.data_directory())? {
            bytes += entry?.metadata()?.len();
        }
        Ok(bytes)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already if that fails.
        let _ = self.kill();
    }
}

fn listening_address(log: &str) -> Option<SocketAddr> {
    let (_, rest) = log.split_once("listening on http://")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':')?;
    rest[..end].parse().ok()
}
