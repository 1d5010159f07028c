//! Restoring backups: ids that do not come twice, files, erasures.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use sonnette::testing::{Receiver, ScriptedResponse};
use tokio::task::spawn_blocking;

use super::sandbox::{Sandbox, Server, mode};

/// A store with an organizer, and the token of an operator.
pub(super) struct Platform {
    pub(super) sandbox: Sandbox,
    pub(super) token: String,
}

impl Platform {
    pub(super) fn new() -> Self {
        let sandbox = Sandbox::with_store();
        sandbox.run(&["organizer", "create", "bigevents"]).done();
        let token = sandbox.run(&["token", "create", "--operator"]).done();
        Self {
            token: token.trim().to_owned(),
            sandbox,
        }
    }

    pub(super) fn serve(&self) -> Server {
        self.sandbox.serve(&["--allow-target", "127.0.0.0/8"])
    }

    /// Sends a request about the organizer, and expects success.
    #[track_caller]
    pub(super) fn call(&self, server: &Server, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/api/v1/organizers/bigevents/{path}");
        let (status, answer) = server.request(method, &path, &self.token, body);
        assert!((200..300).contains(&status), "{status}: {answer}");
        serde_json::from_str(&answer).unwrap_or(Value::Null)
    }

    pub(super) fn add_webhook(&self, server: &Server, receiver: &Receiver) -> i64 {
        let webhook = json!({
            "target_url": receiver.url(), "all_events": true, "limit_events": [],
            "action_types": ["pretix.event.order.placed"],
        });
        let added = self.call(server, "POST", "webhooks/", &webhook);
        added["id"].as_i64().unwrap()
    }

    /// Publishes an order of a person, and returns the notification's id.
    pub(super) fn publish(&self, server: &Server, subject: &str) -> i64 {
        let content = json!({
            "action_type": "pretix.event.order.placed", "event": "democon", "data": {"code": "A1"},
            "subject": subject,
        });
        let published = self.call(server, "POST", "notifications/", &content);
        published["notification_id"].as_i64().unwrap()
    }

    fn backup(&self) -> PathBuf {
        let file = self.sandbox.path("backup.db");
        let _ = fs::remove_file(&file);
        self.sandbox.run(&["backup", "backup.db"]).done();
        file
    }

    fn store_file(&self) -> PathBuf {
        self.sandbox.data().join("sonnette.db")
    }

    /// The names in the data directory, in order.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.sandbox.data()).unwrap();
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    fn kept(&self) -> Vec<String> {
        let mut names = self.files();
        names.retain(|name| name.starts_with("sonnette.db.replaced-"));
        names
    }
}

/// The ids of the requests that a receiver got, in order.
/// Stops the server, which settles what it has in flight. The receiver responds on this thread meanwhile.
async fn stop(server: Server) {
    let ended = spawn_blocking(|| server.end("-TERM"));
    assert!(ended.await.unwrap().0.success());
}

fn message_ids(receiver: &Receiver) -> Vec<String> {
    let requests = receiver.requests();
    let ids = requests
        .iter()
        .map(|r| r.header("webhook-id").unwrap().to_owned());
    ids.collect()
}

fn bodies(receiver: &Receiver) -> Vec<i64> {
    let number = |body: &[u8]| {
        let body: Value = serde_json::from_slice(body).unwrap();
        body["notification_id"].as_i64().unwrap()
    };
    let requests = receiver.requests();
    requests.iter().map(|r| number(&r.body)).collect()
}

#[tokio::test]
async fn what_is_published_after_a_restore_is_new_to_receivers() {
    let platform = Platform::new();
    let receiver = Receiver::start().await;
    let server = platform.serve();
    platform.add_webhook(&server, &receiver);
    let first: Vec<_> = (0..3).map(|_| platform.publish(&server, "ada")).collect();
    assert_eq!(first, [1, 2, 3]);
    receiver.wait_for(3).await;
    stop(server).await;
    platform.backup();
    let server = platform.serve();
    platform.publish(&server, "ada");
    platform.publish(&server, "ada");
    receiver.wait_for(5).await;
    drop(server);
    let out = platform.sandbox.run(&["restore", "backup.db"]).done();
    assert!(out.contains("the id 6"), "{out}");

    let server = platform.serve();
    let second: Vec<_> = (0..3).map(|_| platform.publish(&server, "ada")).collect();
    assert_eq!(second, [6, 7, 8]);
    receiver.wait_for(8).await;
    let mut bodies = bodies(&receiver);
    bodies.sort_unstable();
    assert_eq!(bodies, [1, 2, 3, 4, 5, 6, 7, 8]);
    let mut ids = message_ids(&receiver);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8, "{ids:?}");
    for id in &ids {
        let is_plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        assert!(id.len() <= 64 && is_plain, "{id}");
    }
}

#[tokio::test]
async fn a_restore_replaces_the_store_and_keeps_it() {
    let platform = Platform::new();
    let receiver = Receiver::start().await;
    platform.backup();
    let server = platform.serve();
    // What is created after the backup is gone, and its number is not given to another.
    let lost_webhook = platform.add_webhook(&server, &receiver);
    let lost_token = platform
        .sandbox
        .run(&["token", "create", "--operator"])
        .done();
    let lost = platform.publish(&server, "ada");
    // As a power cut would: the write-ahead log stays.
    drop(server);
    assert!(platform.files().contains(&"sonnette.db-wal".to_owned()));
    let out = platform.sandbox.run(&["restore", "backup.db"]).done();
    let [kept] = &platform.kept()[..] else {
        panic!("{:?}", platform.files())
    };
    assert!(out.contains(kept), "{out}");
    assert_eq!(platform.files(), ["serve.lock", "sonnette.db", kept]);
    assert_eq!(mode(&platform.sandbox.data()), 0o700);
    assert_eq!(mode(&platform.store_file()), 0o600);

    let server = platform.serve();
    let organizers = "/api/v1/organizers/";
    assert_eq!(server.get(organizers, lost_token.trim()), 401);
    assert_eq!(server.get(organizers, &platform.token), 200);
    let webhook = platform.add_webhook(&server, &receiver);
    assert!(webhook > lost_webhook, "{webhook} after {lost_webhook}");
    drop(server);

    // The replaced store can be restored in turn.
    let kept = platform.sandbox.data().join(kept);
    let args = ["restore", kept.to_str().unwrap()];
    platform.sandbox.run(&args).done();
    assert_eq!(platform.kept().len(), 2);
    let server = platform.serve();
    let path = format!("notifications/{lost}/");
    let found = platform.call(&server, "GET", &path, &json!(null));
    assert_eq!(found["action_type"], "pretix.event.order.placed");
    assert!(platform.publish(&server, "ada") > lost);
}

#[tokio::test]
async fn what_was_waiting_in_the_backup_keeps_its_id() {
    let platform = Platform::new();
    let receiver = Receiver::start().await;
    receiver.script([ScriptedResponse::status(500), ScriptedResponse::ok()]);
    let server = platform.serve();
    platform.add_webhook(&server, &receiver);
    platform.publish(&server, "ada");
    receiver.wait_for(1).await;
    stop(server).await;
    platform.backup();
    platform.sandbox.run(&["restore", "backup.db"]).done();
    let _server = platform.serve();
    receiver.wait_for(2).await;
    let ids = message_ids(&receiver);
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn without_a_store_to_read_ids_are_skipped() {
    let platform = Platform::new();
    let server = platform.serve();
    platform.publish(&server, "ada");
    platform.backup();
    drop(server);
    let next_id = |args: &[&str]| {
        platform.sandbox.run(args).done();
        let server = platform.serve();
        platform.publish(&server, "ada")
    };
    // The store is damaged.
    fs::write(platform.store_file(), [7; 5000]).unwrap();
    fs::write(platform.sandbox.data().join("sonnette.db-wal"), [7; 5000]).unwrap();
    let skipped = next_id(&["restore", "backup.db"]);
    assert!((1_000_002..2_000_000).contains(&skipped), "{skipped}");
    let [store, log] = &platform.kept()[..] else {
        panic!("{:?}", platform.files())
    };
    assert_eq!(log, &format!("{store}-wal"));
}

#[tokio::test]
async fn the_next_id_can_be_chosen() {
    let platform = Platform::new();
    let server = platform.serve();
    platform.publish(&server, "ada");
    platform.backup();
    drop(server);
    let restore = |next: &str| {
        platform
            .sandbox
            .run(&["restore", "backup.db", "--next-id", next])
    };
    let before = fs::read(platform.store_file()).unwrap();
    let err = restore("1").refused(1);
    assert!(
        err.contains("--next-id: the backup has ids up to 1"),
        "{err}"
    );
    for wrong in ["0", "9007199254740992", "many"] {
        restore(wrong).refused(2);
    }
    assert!(fs::read(platform.store_file()).unwrap() == before);
    restore("5000").done();
    let server = platform.serve();
    assert_eq!(platform.publish(&server, "ada"), 5000);
    drop(server);
    // On another machine there is no store.
    let elsewhere = platform.sandbox.path("elsewhere/data");
    let path = elsewhere.to_str().unwrap();
    let args = ["restore", "backup.db", "--data-dir", path];
    let out = platform.sandbox.run(&args).done();
    assert!(out.contains("no store to replace"), "{out}");
    assert!(out.contains("no journal of erasures"), "{out}");
    assert_eq!(mode(&elsewhere), 0o700);
    assert_eq!(mode(&elsewhere.join("sonnette.db")), 0o600);
    let organizers = platform
        .sandbox
        .list(&["organizer", "list", "--data-dir", path]);
    assert_eq!(organizers[0]["slug"], "bigevents");
}

#[test]
fn a_restore_is_refused_and_changes_nothing() {
    let platform = Platform::new();
    let backup = platform.backup();
    let whole = fs::read(&backup).unwrap();
    platform
        .sandbox
        .run(&["organizer", "create", "later"])
        .done();
    let server = platform.serve();
    let err = platform.sandbox.run(&["restore", "backup.db"]).refused(1);
    assert!(err.contains("needs the server stopped"), "{err}");
    drop(server);

    let refused = |file: &str, why: &str| {
        let files = platform.files();
        let before = fs::read(platform.store_file()).unwrap();
        let err = platform.sandbox.run(&["restore", file]).refused(1);
        assert!(err.contains(why), "{file}: {err}");
        assert_eq!(platform.files(), files);
        assert!(fs::read(platform.store_file()).unwrap() == before);
    };
    platform.sandbox.run(&["organizer", "list"]).done();
    refused("missing.db", "missing.db");
    refused(".", "not a backup");
    let store = platform.store_file();
    refused(store.to_str().unwrap(), "it is the store itself");
    let write =
        |name: &str, content: &[u8]| fs::write(platform.sandbox.path(name), content).unwrap();
    write("empty.db", b"");
    refused("empty.db", "not a backup");
    write("text.db", b"not a database at all");
    refused("text.db", "not a store");
    write("cut.db", &whole[..whole.len() / 2]);
    refused("cut.db", "damaged");
    // A page in the middle is another one's.
    let mut mixed = whole.clone();
    mixed.copy_within(4096..8192, whole.len() / 4096 / 2 * 4096);
    write("mixed.db", &mixed);
    refused("mixed.db", "damaged");
    let mut newer = whole.clone();
    newer[60..64].copy_from_slice(&1000_u32.to_be_bytes());
    write("newer.db", &newer);
    refused("newer.db", "newer version");
    let foreign = rusqlite::Connection::open(platform.sandbox.path("foreign.db")).unwrap();
    foreign.execute_batch("CREATE TABLE t (a)").unwrap();
    refused("foreign.db", "not a store of Sonnette");

    let variables = [("SONNETTE_DATADIR", "x")];
    let err = platform
        .sandbox
        .run_with(&["restore", "backup.db"], &variables)
        .refused(2);
    assert!(err.contains("SONNETTE_DATADIR"), "{err}");
    platform.sandbox.run(&["restore", "backup.db"]).done();
    assert_eq!(platform.sandbox.list(&["organizer", "list"]).len(), 1);
}

#[test]
fn the_restored_store_belongs_to_the_owner_of_the_data_directory() {
    let platform = Platform::new();
    let data = platform.sandbox.data();
    // Only root can give files away, as a restore by root must.
    let owner = if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&data, Some(12_345), Some(12_346)).unwrap();
        (12_345, 12_346)
    } else {
        let metadata = fs::metadata(&data).unwrap();
        (metadata.uid(), metadata.gid())
    };
    platform.backup();
    platform.sandbox.run(&["restore", "backup.db"]).done();
    for name in ["sonnette.db", "serve.lock"] {
        let metadata = fs::metadata(data.join(name)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), owner, "{name}");
    }
}

/// Whenever it is killed, the store is the old one or the new one.
#[tokio::test]
async fn an_interrupted_restore_leaves_one_whole_store() {
    let platform = Platform::new();
    platform.backup();
    platform
        .sandbox
        .run(&["organizer", "create", "later"])
        .done();
    let mut seen = [false; 2];
    // On a slow machine it takes longer until a restore gets to its end.
    for step in 0..1_000 {
        if step >= 40 && seen == [true; 2] {
            break;
        }
        let mut restore = platform.sandbox.command(&["restore", "backup.db"]);
        let mut restore = restore
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(step * 3)).await;
        // It may have ended.
        let _ = restore.kill();
        restore.wait().unwrap();
        let organizers = platform.sandbox.list(&["organizer", "list"]).len();
        assert!(platform.sandbox.run(&["doctor"]).out.contains("is intact"));
        seen[usize::from(organizers == 1)] = true;
        if organizers == 1 {
            platform
                .sandbox
                .run(&["organizer", "create", "later"])
                .done();
        } else {
            assert_eq!(organizers, 2);
        }
    }
    assert_eq!(seen, [true; 2], "killed too early or too late each time");
    platform.sandbox.run(&["restore", "backup.db"]).done();
    assert!(!platform.files().contains(&"restoring".to_owned()));
}

#[tokio::test]
async fn erasures_since_the_backup_are_repeated() {
    let platform = Platform::new();
    let server = platform.serve();
    let (ada, bob) = (
        platform.publish(&server, "ada@x.org"),
        platform.publish(&server, "bob"),
    );
    platform.backup();
    let erased = platform.call(&server, "DELETE", "subjects/ada@x.org/", &json!(null));
    assert_eq!(erased["notifications"], 1);
    // She comes back.
    let again = platform.publish(&server, "ada@x.org");
    fs::rename(
        platform.sandbox.path("backup.db"),
        platform.sandbox.path("early.db"),
    )
    .unwrap();
    platform.backup();
    drop(server);
    let data = |id: i64, server: &Server| {
        let path = format!("notifications/{id}/");
        platform.call(server, "GET", &path, &json!(null))["data"].clone()
    };
    for (backup, ids) in [
        ("early.db", &[ada, bob][..]),
        ("backup.db", &[ada, bob, again]),
    ] {
        let out = platform.sandbox.run(&["restore", backup]).done();
        assert!(
            out.contains("erasures since the backup are repeated"),
            "{out}"
        );
        let server = platform.serve();
        for id in ids {
            let is_erased = data(*id, &server).is_null();
            assert_eq!(is_erased, *id == ada, "{backup}: {id}");
        }
    }
    for name in ["erasures.log", "erasures.key"] {
        let file = platform.sandbox.data().join(name);
        assert_eq!(mode(&file), 0o600);
        assert!(!contains(&file, b"ada@x.org"));
    }
    assert!(!contains(&platform.store_file(), b"no such text"));
}

fn contains(file: &Path, text: &[u8]) -> bool {
    let content = fs::read(file).unwrap();
    content.windows(text.len()).any(|window| window == text)
}
