//! A temporary directory for each test, with commands and servers that run in it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The result of a command.
pub(crate) struct CommandResult {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl CommandResult {
    /// Expects exit code 0; returns standard output.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// Expects this exit code and an empty standard output; returns standard error.
    #[track_caller]
    pub(crate) fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{}", self.err);
        self.err
    }
}

/// A directory in which commands run; the store is in its folder `data`.
pub(crate) struct Sandbox {
    directory: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// With an empty store.
    pub(crate) fn with_store() -> Self {
        let sandbox = Self::new();
        sandbox.run(&["migrate"]).done();
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// A command whose only variable is the data directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sonnette"));
        command
            .args(args)
            .current_dir(self.directory.path())
            .env_clear()
            .env("SONNETTE_DATA_DIR", self.data())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> CommandResult {
        self.run_with(args, &[])
    }

    pub(crate) fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> CommandResult {
        let output = self
            .command(args)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        CommandResult {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    pub(crate) fn run_fed(&self, args: &[&str], input: &str) -> CommandResult {
        let mut command = self.command(args);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        CommandResult {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// What a list prints with `--json`.
    #[track_caller]
    pub(crate) fn list(&self, args: &[&str]) -> Vec<Value> {
        let mut args = args.to_vec();
        args.push("--json");
        serde_json::from_str(&self.run(&args).done()).unwrap()
    }

    /// A server that listens on a free port.
    pub(crate) fn serve(&self, args: &[&str]) -> Server {
        self.serve_at("127.0.0.1:0", args)
    }

    pub(crate) fn serve_at(&self, address: &str, args: &[&str]) -> Server {
        let mut all = vec!["serve", "--listen", address];
        all.extend(args);
        Server::start(self.command(&all))
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    /// Whatever it printed until it listened.
    pub(crate) early: String,
}

impl Server {
    /// Starts a server and waits until it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut early = String::new();
        let address = loop {
            let from = early.len();
            assert!(
                lines.read_line(&mut early).unwrap() > 0,
                "it ended before it listened: {early}"
            );
            if let Some((_, rest)) = early[from..].split_once("listening on http://") {
                break rest.split(['"', ' ', '\n']).next().unwrap().to_owned();
            }
        };
        // Its log lines go nowhere from here on, but must not fill the pipe.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self {
            child,
            address,
            early,
        }
    }

    /// The status of a GET.
    pub(crate) fn get(&self, path: &str, token: &str) -> u16 {
        self.request("GET", path, token, &Value::Null).0
    }

    /// The status and the body of a response. Null: the request has no body.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &Value,
    ) -> (u16, String) {
        request(&self.address, method, path, token, body)
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// As a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits; what it had printed to standard output besides.
    pub(crate) fn end(mut self, signal: &str) -> (ExitStatus, String) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let mut out = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        (self.child.wait().unwrap(), out)
    }
}

/// Sends a request, and returns the status and the body of the response. Null: the request has no body.
pub(crate) fn request(
    host: &str,
    method: &str,
    path: &str,
    token: &str,
    body: &Value,
) -> (u16, String) {
    let mut stream = TcpStream::connect(host).unwrap();
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Token {token}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The permission bits.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
