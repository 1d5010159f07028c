//! Files of the store: permissions, damage, backups.

use std::path::Path;

use super::sandbox::{Sandbox, mode};

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// No command touches a file that it cannot use.
fn is_refused_and_untouched(sandbox: &Sandbox, why: &str) {
    let file = sandbox.data().join("sonnette.db");
    let before = bytes(&file);
    let names = |sandbox: &Sandbox| -> Vec<_> {
        let entries = std::fs::read_dir(sandbox.data()).unwrap();
        entries
            .map(|e| e.unwrap().file_name())
            .filter(|name| name != "serve.lock")
            .collect()
    };
    let files = names(sandbox);
    for args in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["organizer", "list"],
        &["migrate"],
    ] {
        let err = sandbox.run(args).refused(1);
        assert!(err.contains(why), "{args:?}: {err}");
    }
    assert!(bytes(&file) == before && names(sandbox) == files);
}

#[test]
fn only_the_owner_can_read_the_data_directory() {
    let sandbox = Sandbox::with_store();
    assert_eq!(mode(&sandbox.data()), 0o700);
    assert_eq!(mode(&sandbox.data().join("sonnette.db")), 0o600);
}

#[test]
fn a_damaged_store_is_not_changed() {
    let sandbox = Sandbox::with_store();
    let file = sandbox.data().join("sonnette.db");
    let whole = bytes(&file);
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    is_refused_and_untouched(&sandbox, "damaged");
    std::fs::write(&file, b"not a database at all").unwrap();
    is_refused_and_untouched(&sandbox, "not a store");
}

#[test]
fn a_newer_store_is_not_changed() {
    let sandbox = Sandbox::with_store();
    let file = sandbox.data().join("sonnette.db");
    let mut newer = bytes(&file);
    // The version of the shape stands here in every SQLite file.
    newer[60..64].copy_from_slice(&1000_u32.to_be_bytes());
    std::fs::write(&file, &newer).unwrap();
    is_refused_and_untouched(&sandbox, "newer version");
}

#[test]
fn a_backup_is_complete_and_private() {
    let sandbox = Sandbox::new();
    assert!(
        sandbox
            .run(&["backup", "copy.db"])
            .refused(1)
            .contains("no store")
    );
    assert!(!sandbox.data().exists());
    sandbox.run(&["migrate"]).done();
    sandbox.run(&["organizer", "create", "bigevents"]).done();
    let server = sandbox.serve(&[]);
    sandbox.run(&["backup", "copy.db"]).done();
    assert_eq!(mode(&sandbox.path("copy.db")), 0o600);
    let copy = bytes(&sandbox.path("copy.db"));
    sandbox.run(&["backup", "copy.db"]).refused(1);
    assert!(bytes(&sandbox.path("copy.db")) == copy);
    drop(server);
    std::fs::create_dir(sandbox.path("other")).unwrap();
    std::fs::copy(sandbox.path("copy.db"), sandbox.path("other/sonnette.db")).unwrap();
    let list = sandbox.list(&["organizer", "list", "--data-dir", "other"]);
    assert_eq!(list[0]["slug"], "bigevents");
}

#[test]
fn a_data_directory_that_cannot_be_created_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "");
    let err = sandbox
        .run(&["migrate", "--data-dir", "file/data"])
        .refused(1);
    assert!(err.contains("file/data"), "{err}");
}
