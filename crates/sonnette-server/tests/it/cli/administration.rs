//! Commands that use the store directly.

use super::sandbox::Sandbox;

fn with_organizer() -> Sandbox {
    let sandbox = Sandbox::with_store();
    sandbox
        .run(&["organizer", "create", "bigevents", "--name", "Big Events"])
        .done();
    sandbox
}

#[test]
fn organizers_are_created_once_and_listed() {
    let sandbox = with_organizer();
    sandbox
        .run(&[
            "organizer",
            "create",
            "creative",
            "--dialect",
            "creads",
            "--dialect",
            "custom",
            "--language",
            "fr",
        ])
        .done();
    sandbox
        .run(&["organizer", "create", "bigevents"])
        .refused(1);
    let list = sandbox.list(&["organizer", "list"]);
    assert_eq!(list.len(), 2);
    assert_eq!(list[0]["slug"], "bigevents");
    assert_eq!(list[0]["name"], "Big Events");
    assert_eq!(list[0]["dialects"], serde_json::json!(["pretix", "custom"]));
    assert_eq!(list[1]["language"], "fr");
    let shown = sandbox.run(&["organizer", "list"]).done();
    assert!(shown.contains("Big Events"), "{shown}");
}

#[test]
fn empty_lists_are_empty_arrays() {
    let sandbox = Sandbox::with_store();
    for list in [
        ["organizer", "list"],
        ["token", "list"],
        ["webhook", "list"],
    ] {
        assert_eq!(sandbox.list(&list), Vec::<serde_json::Value>::new());
        assert_eq!(sandbox.run(&list).done(), "");
    }
}

#[test]
fn a_new_token_is_one_word_and_stored_as_a_hash() {
    let sandbox = with_organizer();
    let out = sandbox
        .run(&["token", "create", "--operator", "--name", "me"])
        .done();
    let token = out.strip_suffix('\n').unwrap();
    assert!(token.len() >= 40, "{token}");
    assert!(
        token
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')),
        "{token}"
    );
    for entry in std::fs::read_dir(sandbox.data()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(token.len()).any(|w| w == token.as_bytes()));
    }
    assert_ne!(out, sandbox.run(&["token", "create", "--operator"]).done());
}

#[test]
fn tokens_are_listed_and_revoked() {
    let sandbox = with_organizer();
    sandbox
        .run(&["token", "create", "--organizer", "bigevents"])
        .done();
    sandbox
        .run(&[
            "token",
            "create",
            "--organizer",
            "bigevents",
            "--permission",
            "organizer",
        ])
        .done();
    sandbox.run(&["token", "create", "--operator"]).done();
    sandbox
        .run(&["token", "create", "--organizer", "nobody"])
        .refused(1);
    let list = sandbox.list(&["token", "list"]);
    assert_eq!(list.len(), 3);
    assert_eq!(
        list[0]["permissions"],
        serde_json::json!(["webhooks", "publish"])
    );
    assert_eq!(list[1]["permissions"], serde_json::json!(["organizer"]));
    assert_eq!(
        (&list[2]["operator"], &list[2]["organizer"]),
        (&true.into(), &serde_json::Value::Null)
    );
    assert_eq!(
        sandbox
            .list(&["token", "list", "--organizer", "bigevents"])
            .len(),
        2
    );
    sandbox
        .run(&["token", "revoke", &list[0]["id"].to_string()])
        .done();
    sandbox.run(&["token", "revoke", "99"]).refused(1);
    let active: Vec<_> = sandbox
        .list(&["token", "list"])
        .into_iter()
        .map(|t| t["active"].clone())
        .collect();
    assert_eq!(active, [false, true, true]);
}

#[test]
fn events_belong_to_an_organizer() {
    let sandbox = with_organizer();
    sandbox
        .run(&[
            "event",
            "create",
            "bigevents",
            "democon",
            "--name",
            "DemoCon",
        ])
        .done();
    sandbox
        .run(&["event", "create", "bigevents", "democon"])
        .refused(1);
    sandbox
        .run(&["event", "create", "nobody", "democon"])
        .refused(1);
}

#[test]
fn users_have_a_password_that_is_not_stored() {
    let sandbox = with_organizer();
    let create = [
        "user",
        "create",
        "Ada@example.org",
        "--organizer",
        "bigevents",
        "--password-stdin",
    ];
    sandbox.run_fed(&create, "correct horse\n").done();
    sandbox.run_fed(&create, "correct horse\n").refused(1);
    sandbox
        .run_fed(
            &[
                "user",
                "create",
                "b@example.org",
                "--operator",
                "--password-stdin",
            ],
            "short\n",
        )
        .refused(1);
    let bytes = std::fs::read(sandbox.data().join("sonnette.db")).unwrap();
    let holds = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    assert!(holds("ada@example.org") && holds("$argon2id$") && !holds("correct horse"));
}

/// Created without a terminal, a user has no password yet.
#[test]
fn known_users_get_a_password_and_more_access() {
    let sandbox = with_organizer();
    let scope = ["--organizer", "bigevents"];
    let ada = "ada@example.org";
    let ran = sandbox.run(&[&["user", "create", ada][..], &scope].concat());
    assert!(
        ran.err.contains("sonnette user password ada@example.org"),
        "{}",
        ran.err
    );
    ran.done();
    let err = sandbox
        .run_fed(
            &[&["user", "create", ada, "--password-stdin"][..], &scope].concat(),
            "correct horse\n",
        )
        .refused(1);
    assert!(
        err.contains("user password") && err.contains("user invite"),
        "{err}"
    );
    let password = ["user", "password", "Ada@Example.org", "--password-stdin"];
    for secret in ["correct horse", "battery staple"] {
        let out = sandbox.run_fed(&password, &format!("{secret}\n")).done();
        assert!(out.contains("set the password of ada@example.org"), "{out}");
    }
    sandbox.run_fed(&password, "short\n").refused(1);
    sandbox.run(&password[..3]).refused(2);
    let unknown = ["user", "password", "b@example.org", "--password-stdin"];
    let err = sandbox.run_fed(&unknown, "correct horse\n").refused(1);
    assert!(err.contains("user b@example.org does not exist"), "{err}");

    sandbox.run(&["organizer", "create", "hangar"]).done();
    let out = sandbox
        .run(&["user", "invite", ada, "--organizer", "hangar"])
        .done();
    assert!(out.contains("now has this access, too"), "{out}");
    let users = sandbox.list(&["user", "list"]);
    let held = users[0]["organizers"].as_object().unwrap();
    assert!(held.contains_key("bigevents") && held.contains_key("hangar"));
    assert_eq!(users[0]["password"], true);
    let err = sandbox
        .run(&["user", "invite", ada, "--operator"])
        .refused(1);
    assert!(err.contains("user remove"), "{err}");
    let operator = ["user", "invite", "op@example.org", "--operator"];
    let links: Vec<_> = (0..2).map(|_| sandbox.run(&operator).done()).collect();
    assert!(
        links.iter().all(|link| link.contains("/password/")),
        "{links:?}"
    );
}

#[test]
fn users_are_invited_listed_and_removed() {
    let sandbox = with_organizer();
    let ada = "ada@example.org";
    let invite = [
        "user",
        "invite",
        "Ada@Example.org",
        "--organizer",
        "bigevents",
    ];
    let link = sandbox.run(&invite).done();
    let text = link
        .strip_prefix("http://127.0.0.1:8080/password/")
        .and_then(|rest| rest.strip_suffix("/\n"));
    let unknown = |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_';
    assert!(
        text.is_some_and(|t| t.len() == 43 && !t.contains(unknown)),
        "{link}"
    );
    // Again, because the link was lost.
    let other = sandbox.run(&invite).done();
    assert!(other.starts_with("http://127.0.0.1:8080/password/") && other != link);
    let operator = [
        "user",
        "invite",
        "op@example.org",
        "--operator",
        "--public-url",
    ];
    let link = sandbox.run(&[&operator[..], &["https://hooks.example.org"]].concat());
    assert!(
        link.done()
            .starts_with("https://hooks.example.org/password/")
    );

    let users = sandbox.list(&["user", "list"]);
    let held = serde_json::json!({"bigevents": ["webhooks", "publish"]});
    assert_eq!(
        (&users[0]["email"], &users[0]["organizers"]),
        (&ada.into(), &held)
    );
    assert_eq!(
        (&users[0]["operator"], &users[0]["password"]),
        (&false.into(), &false.into())
    );
    assert_eq!(
        (&users[1]["operator"], &users[1]["organizers"]),
        (&true.into(), &serde_json::json!({}))
    );
    let table = sandbox.run(&["user", "list"]).done();
    assert!(table.contains("bigevents (webhooks,publish)"), "{table}");

    let remove = ["user", "remove", "ADA@example.org"];
    assert_eq!(
        sandbox.run(&remove).done(),
        "removed user ada@example.org\n"
    );
    let err = sandbox.run(&remove).refused(1);
    assert!(err.contains("user ada@example.org does not exist"), "{err}");
    assert_eq!(sandbox.list(&["user", "list"]).len(), 1);
}

#[test]
fn webhooks_are_created_and_listed_without_credentials() {
    let sandbox = with_organizer();
    let url = "https://user:hush@example.org/in";
    let paid = "pretix.event.order.paid";
    let out = sandbox
        .run(&["webhook", "create", "bigevents", url, "--action-type", paid])
        .done();
    assert!(
        out.contains("created webhook 1") && out.contains("whsec_"),
        "{out}"
    );
    let list = sandbox.list(&["webhook", "list", "bigevents"]);
    assert_eq!(list[0]["target_url"], "https://example.org/in");
    assert_eq!(list[0]["action_types"], serde_json::json!([paid]));
    let unknown = [
        "webhook",
        "create",
        "bigevents",
        url,
        "--action-type",
        "pretix.event.order.eaten",
    ];
    assert!(
        sandbox
            .run(&unknown)
            .refused(1)
            .contains("pretix.event.order.eaten")
    );
    let event = [
        "webhook",
        "create",
        "bigevents",
        url,
        "--action-type",
        paid,
        "--event",
        "none",
    ];
    assert!(sandbox.run(&event).refused(1).contains("no event none"));
}

#[test]
fn wrong_choices_and_unknown_names_are_answered_with_what_helps() {
    let sandbox = with_organizer();
    for (args, helps) in [
        (
            &["organizer", "create", "a", "--dialect", "stripe"][..],
            "pretix, tibillet, creads, custom",
        ),
        (&["organizer", "create", "a", "--language", "eo"], "en, fr"),
        (
            &[
                "token",
                "create",
                "--organizer",
                "bigevents",
                "--permission",
                "all",
            ],
            "webhooks, publish, organizer",
        ),
        (
            &["webhook", "retry", "bigevents", "1", "--since", "yesterday"],
            "2026-11-21T10:00:00Z",
        ),
    ] {
        let err = sandbox.run(args).refused(2);
        assert!(err.contains(helps), "{args:?}: {err}");
    }
    for (name, helps) in [
        ("tibillet.reservation", "the dialect tibillet is off"),
        ("creads.work.created", "the dialect creads is off"),
        ("pretix.event.order.*", "pretix.event.order.changed.*"),
        ("pretix.*", "only the wildcards of the list exist"),
        ("pretix.event.order.payed", "pretix.event.order.paid"),
        ("shop.parcel.sent", "action_types/"),
    ] {
        let url = "https://example.org/";
        let create = ["webhook", "create", "bigevents", url, "--action-type", name];
        let err = sandbox.run(&create).refused(1);
        assert!(err.contains(helps), "{name}: {err}");
    }
    let out = sandbox
        .run(&["organizer", "create", "hangar", "--dialect", "tibillet"])
        .done();
    assert!(
        out.contains("disabled after 20 failures in a row over at least 60 minutes"),
        "{out}"
    );
    let out = sandbox.run(&["organizer", "create", "box"]).done();
    assert!(out.contains("failing webhooks stay enabled"), "{out}");
}

#[test]
fn doctor_reports_on_standard_output() {
    let sandbox = with_organizer();
    let ran = sandbox.run(&["doctor"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert!(
        ran.out.lines().all(|line| line.starts_with('✓')),
        "{}",
        ran.out
    );

    let ran = sandbox.run(&["doctor", "http://127.0.0.1:1/"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    assert!(ran.out.contains("✗ http://127.0.0.1:1: "), "{}", ran.out);

    let ran = sandbox.run_with(&["doctor"], &[("SONNETTE_BOGUS", "1")]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
    assert!(
        ran.out.starts_with("✗ settings: SONNETTE_BOGUS: "),
        "{}",
        ran.out
    );
}

/// From another directory, or with a configuration file that names none, a command finds no store.
#[test]
fn administering_commands_never_create_a_store() {
    let sandbox = Sandbox::new();
    let commands: &[&[&str]] = &[
        &["organizer", "create", "bigevents"],
        &["organizer", "list"],
        &["event", "create", "bigevents", "democon"],
        &["token", "create", "--operator"],
        &["token", "list"],
        &["token", "revoke", "1"],
        &["user", "create", "ada@example.org", "--operator"],
        &["user", "invite", "ada@example.org", "--operator"],
        &["user", "list"],
        &["user", "remove", "ada@example.org"],
        &["webhook", "list"],
        &[
            "webhook",
            "create",
            "bigevents",
            "https://example.org/",
            "--action-type",
            "a.b",
        ],
        &["backup", "copy.db"],
    ];
    let looked = format!("there is no store in {}", sandbox.data().display());
    for command in commands {
        let err = sandbox.run(command).refused(1);
        assert!(err.contains(&looked), "{command:?}: {err}");
        assert!(
            err.contains("--data-dir") && err.contains("SONNETTE_DATA_DIR"),
            "{err}"
        );
        assert!(!sandbox.data().exists(), "{command:?}");
    }
    // The default directory is relative to the current one.
    let relative = [("SONNETTE_DATA_DIR", "")];
    let err = sandbox.run_with(&["user", "list"], &relative).refused(1);
    let looked = sandbox.path("sonnette-data");
    assert!(err.contains(&*looked.to_string_lossy()), "{err}");
    assert!(!looked.exists() && !sandbox.path("copy.db").exists());
    // An empty file is no store, and stays empty.
    std::fs::create_dir(sandbox.data()).unwrap();
    std::fs::write(sandbox.data().join("sonnette.db"), "").unwrap();
    sandbox.run(&["user", "list"]).refused(1);
    assert_eq!(
        std::fs::read(sandbox.data().join("sonnette.db")).unwrap(),
        b""
    );
    sandbox.run(&["migrate"]).done();
    sandbox.run(&["user", "list"]).done();
}

#[test]
fn doctor_creates_no_file() {
    let sandbox = Sandbox::new();
    sandbox.run(&["doctor"]).done();
    assert!(!sandbox.data().exists());
}

#[test]
fn moving_to_another_database_is_not_available_yet() {
    let sandbox = Sandbox::new();
    let err = sandbox
        .run(&["migrate", "--to", "postgres://localhost/x"])
        .refused(1);
    assert!(err.contains("not available in this version"), "{err}");
    sandbox.run(&["migrate"]).done();
    assert!(sandbox.data().join("sonnette.db").exists());
}
