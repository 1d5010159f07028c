//! What must stay true of the source itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sonnette::dialect::Catalogue;
use sonnette::domain::DialectName;

/// Which modules of the library a module may name, itself aside.
const MAY_IMPORT: [(&str, &[&str]); 7] = [
    ("clock", &[]),
    ("cow_map", &[]),
    ("domain", &[]),
    ("dialect", &["cow_map", "domain"]),
    ("store", &["domain"]),
    (
        "engine",
        &["clock", "cow_map", "dialect", "domain", "store"],
    ),
    ("testing", &["clock", "domain", "store"]),
];

/// The same for the program. Nobody but `main` names `cli`: a command is where things are put together.
const PROGRAM_MAY_IMPORT: [(&str, &[&str]); 10] = [
    ("config", &[]),
    ("credentials", &[]),
    ("telemetry", &["config"]),
    ("edge", &["admin", "credentials", "dashboard", "rest"]),
    ("admin", &["credentials", "edge", "rest"]),
    ("rest", &["admin", "credentials", "dashboard", "edge"]),
    ("dashboard", &["admin", "credentials", "edge", "rest"]),
    ("mailer", &["config", "credentials"]),
    ("app", &["config", "dashboard", "edge", "mailer", "rest"]),
    (
        "cli",
        &[
            "admin",
            "app",
            "config",
            "credentials",
            "edge",
            "mailer",
            "rest",
            "telemetry",
        ],
    ),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Every Rust file below a folder of the workspace, with its path from there and its text.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = workspace();
    let (mut folders, mut found) = (vec![root.join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let name = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_string_lossy()
                    .replace('\\', "/");
                found.push((name, text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "nothing in {folder}");
    found
}

/// Whether a file is nothing but a test.
fn is_test(file: &str) -> bool {
    file.contains("tests") || file.contains("simulation")
}

#[test]
fn modules_import_only_what_the_table_allows() {
    check_imports("crates/sonnette/src", &MAY_IMPORT);
    check_imports("crates/sonnette-server/src", &PROGRAM_MAY_IMPORT);
}

fn check_imports(folder: &str, table: &[(&str, &[&str])]) {
    for (file, text) in sources(folder) {
        let inside = file[folder.len()..].trim_start_matches('/');
        let own = inside.split(['/', '.']).next().unwrap();
        if matches!(own, "lib" | "main") || is_test(&file) {
            continue;
        }
        let (_, allowed) = table
            .iter()
            .find(|(name, _)| *name == own)
            .unwrap_or_else(|| panic!("{own} is not in the table"));
        let code = text
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.starts_with("//"));
        for named in code.flat_map(|line| line.split("crate::").skip(1)) {
            let module: String = named
                .chars()
                .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                .collect();
            let fine = module.is_empty() || module == own || allowed.contains(&module.as_str());
            assert!(fine, "{file} names crate::{module}");
        }
    }
}

#[test]
fn only_a_backend_names_its_database_and_only_the_engine_a_runtime() {
    for (file, text) in sources("crates/sonnette/src") {
        if is_test(&file) {
            continue;
        }
        let backend = file.contains("/store/sqlite/");
        let engine = file.contains("/engine/") || file.contains("/testing/");
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            assert!(backend || !line.contains("rusqlite"), "{file}: {line}");
            assert!(engine || !line.contains("tokio"), "{file}: {line}");
            assert!(!engine || !line.contains("store::sqlite"), "{file}: {line}");
            assert!(!line.contains("axum"), "{file}: {line}");
        }
    }
}

#[test]
fn no_file_is_longer_than_500_lines() {
    for (file, text) in sources("crates") {
        let lines = text.lines().count();
        assert!(lines <= 500, "{file} has {lines}");
    }
}

#[test]
fn migrations_are_numbered_without_gaps_and_open_with_why() {
    let folder = workspace().join("crates/sonnette/migrations");
    let mut names_of_all = BTreeSet::new();
    for database in std::fs::read_dir(&folder).unwrap() {
        let mut files: Vec<_> = std::fs::read_dir(database.unwrap().path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let names: Vec<_> = files
            .iter()
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        for (number, (name, path)) in (1..).zip(names.iter().zip(&files)) {
            assert!(
                name.starts_with(&format!("{number:04}_")),
                "{name} should be number {number}"
            );
            let text = std::fs::read_to_string(path).unwrap();
            let why = text.strip_prefix("-- ").and_then(|t| t.lines().next());
            assert!(
                why.is_some_and(|why| why.len() > 15),
                "{name} does not say why"
            );
        }
        names_of_all.insert(names);
    }
    assert_eq!(names_of_all.len(), 1, "every database has the same steps");
}

#[test]
fn every_built_in_action_type_has_a_golden_body() {
    let folder = workspace().join("crates/sonnette/tests/it/dialects/snapshots");
    let mut golden = String::new();
    for file in std::fs::read_dir(folder).unwrap() {
        golden += &std::fs::read_to_string(file.unwrap().path()).unwrap();
    }
    let catalogue = Catalogue::new(DialectName::ALL, &[]);
    assert!(catalogue.iter().count() > 0);
    for spec in catalogue.iter() {
        let concrete = spec.first_concrete();
        let named = format!("\"{concrete}\"");
        assert!(golden.contains(&named), "{concrete} has no golden body");
    }
}
