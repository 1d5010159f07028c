//! What commands and servers do to the files.

use std::path::Path;

use super::sandbox::{Sandbox, mode};

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// No command touches a file that it cannot use.
fn is_refused_and_untouched(place: &Sandbox, why: &str) {
    let file = place.data().join("sonnette.db");
    let before = bytes(&file);
    let names = |place: &Sandbox| -> Vec<_> {
        let entries = std::fs::read_dir(place.data()).unwrap();
        entries
            .map(|e| e.unwrap().file_name())
            .filter(|name| name != "serve.lock")
            .collect()
    };
    let files = names(place);
    for args in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["organizer", "list"],
        &["migrate"],
    ] {
        let err = place.run(args).refused(1);
        assert!(err.contains(why), "{args:?}: {err}");
    }
    assert!(bytes(&file) == before && names(place) == files);
}

#[test]
fn the_data_directory_is_for_its_owner_alone() {
    let place = Sandbox::new();
    place.run(&["organizer", "list"]).done();
    assert_eq!(mode(&place.data()), 0o700);
    assert_eq!(mode(&place.data().join("sonnette.db")), 0o600);
}

#[test]
fn a_damaged_store_is_left_as_it_is() {
    let place = Sandbox::new();
    place.run(&["organizer", "list"]).done();
    let file = place.data().join("sonnette.db");
    let whole = bytes(&file);
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    is_refused_and_untouched(&place, "damaged");
    std::fs::write(&file, b"not a database at all").unwrap();
    is_refused_and_untouched(&place, "not a store");
}

#[test]
fn a_newer_store_is_left_as_it_is() {
    let place = Sandbox::new();
    place.run(&["organizer", "list"]).done();
    let file = place.data().join("sonnette.db");
    let mut newer = bytes(&file);
    // The version of the shape stands here in every SQLite file.
    newer[60..64].copy_from_slice(&1000_u32.to_be_bytes());
    std::fs::write(&file, &newer).unwrap();
    is_refused_and_untouched(&place, "newer version");
}

#[test]
fn a_backup_is_a_whole_store_for_its_owner_alone() {
    let place = Sandbox::new();
    assert!(
        place
            .run(&["backup", "copy.db"])
            .refused(1)
            .contains("no store")
    );
    assert!(!place.data().exists());
    place.run(&["organizer", "create", "bigevents"]).done();
    let server = place.serve(&[]);
    place.run(&["backup", "copy.db"]).done();
    assert_eq!(mode(&place.path("copy.db")), 0o600);
    let copy = bytes(&place.path("copy.db"));
    place.run(&["backup", "copy.db"]).refused(1);
    assert!(bytes(&place.path("copy.db")) == copy);
    drop(server);
    std::fs::create_dir(place.path("other")).unwrap();
    std::fs::copy(place.path("copy.db"), place.path("other/sonnette.db")).unwrap();
    let list = place.list(&["organizer", "list", "--data-dir", "other"]);
    assert_eq!(list[0]["slug"], "bigevents");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let place = Sandbox::new();
    place.write("file", "");
    let err = place
        .run(&["organizer", "list", "--data-dir", "file/data"])
        .refused(1);
    assert!(err.contains("file/data"), "{err}");
}
