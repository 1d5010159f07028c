//! Help texts, version and usage errors.

use super::sandbox::Sandbox;

/// Every command and group.
const COMMANDS: &[&str] = &[
    "",
    "demo",
    "serve",
    "organizer",
    "organizer create",
    "organizer list",
    "event",
    "event create",
    "token",
    "token create",
    "token list",
    "token revoke",
    "user",
    "user create",
    "user invite",
    "user list",
    "user password",
    "user remove",
    "webhook",
    "webhook list",
    "webhook create",
    "webhook test",
    "webhook retry",
    "publish",
    "listen",
    "backup",
    "migrate",
    "doctor",
    "healthcheck",
    "openapi",
];

#[test]
fn the_version_is_one_line() {
    let out = Sandbox::new().run(&["--version"]).done();
    assert_eq!(out, concat!("sonnette ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn every_command_has_help() {
    let sandbox = Sandbox::new();
    for command in COMMANDS {
        let mut args: Vec<&str> = command.split_whitespace().collect();
        args.push("--help");
        let ran = sandbox.run(&args);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{command}");
        let usage = format!("Usage: sonnette {command}");
        assert!(ran.out.contains(usage.trim_end()), "{command}: {}", ran.out);
        for variable in ["SONNETTE_DATA_DIR", "SONNETTE_URL", "SONNETTE_MAIL_HOST"] {
            assert!(
                ran.out.contains(variable),
                "{command} does not know {variable}"
            );
        }
    }
    assert!(!sandbox.data().exists());
}

#[test]
fn help_shows_no_values_of_variables() {
    let out = Sandbox::new()
        .run_with(&["serve", "--help"], &[("SONNETTE_TOKEN", "hush")])
        .done();
    assert!(!out.contains("hush"));
}

#[test]
fn usage_errors_exit_with_2() {
    let sandbox = Sandbox::new();
    let wrong: &[&[&str]] = &[
        &[],
        &["token"],
        &["bogus"],
        &["token", "create"],
        &["token", "create", "--operator", "--organizer", "a"],
        &["token", "create", "--operator", "--permission", "publish"],
        &[
            "token",
            "create",
            "--organizer",
            "a",
            "--permission",
            "everything",
        ],
        &["organizer", "create", "two words"],
        &["organizer", "create", "a", "--dialect", "klingon"],
        &["user", "create", "nobody", "--operator"],
        &["user", "invite", "nobody", "--operator"],
        &["user", "invite", "a@b.example"],
        &["user", "remove", "nobody"],
        &["user", "password", "nobody"],
        &["publish", "a", "b.c", "--data", "{}"],
        &["publish", "a", "b.c", "--token", "t", "--data", "{"],
    ];
    for args in wrong {
        sandbox.run(args).refused(2);
    }
}

#[test]
fn openapi_is_json() {
    let out = Sandbox::new().run(&["openapi"]).done();
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}
