//! Flags before variables before the file; and what is wrong is named.

use super::sandbox::Sandbox;

/// Which data directory counts shows in where the store comes to be.
#[test]
fn flags_outrank_variables_outrank_the_file() {
    let place = Sandbox::new();
    place.write("sonnette.toml", "data_dir = \"from-file\"\n");
    let config = [
        ("SONNETTE_CONFIG", "sonnette.toml"),
        ("SONNETTE_DATA_DIR", ""),
    ];
    place.run_with(&["organizer", "list"], &config).done();
    assert!(place.path("from-file/sonnette.db").exists());

    let both = [
        ("SONNETTE_CONFIG", "sonnette.toml"),
        ("SONNETTE_DATA_DIR", "from-variable"),
    ];
    place.run_with(&["organizer", "list"], &both).done();
    assert!(place.path("from-variable/sonnette.db").exists());

    place
        .run_with(&["--data-dir", "before", "organizer", "list"], &both)
        .done();
    assert!(place.path("before/sonnette.db").exists());
    place
        .run_with(&["organizer", "list", "--data-dir", "after"], &both)
        .done();
    assert!(place.path("after/sonnette.db").exists());
    assert!(!place.data().exists());
}

#[test]
fn the_flag_for_the_file_outranks_its_variable() {
    let place = Sandbox::new();
    place.write("a.toml", "data_dir = \"a\"\n");
    let config = [
        ("SONNETTE_CONFIG", "no-such.toml"),
        ("SONNETTE_DATA_DIR", ""),
    ];
    place
        .run_with(&["organizer", "list", "--config", "a.toml"], &config)
        .done();
    assert!(place.path("a/sonnette.db").exists());
}

#[test]
fn wrong_variables_are_named() {
    let place = Sandbox::new();
    let wrong = [
        ("SONNETTE_DATADIR", "x"),
        ("SONNETTE_", "x"),
        ("SONNETTE_LISTEN", "nowhere"),
        ("SONNETTE_TIMEOUT_SECONDS", "31"),
        ("SONNETTE_TIMEOUT_SECONDS", "soon"),
        ("SONNETTE_REQUIRE_HTTPS", "perhaps"),
        ("SONNETTE_ALLOW_TARGET", "10.0.0.0/8,http://a"),
        ("SONNETTE_TRUSTED_PROXIES", "proxy"),
        ("SONNETTE_PUBLIC_URL", "ftp://a"),
        ("SONNETTE_MAIL_PORT", "70000"),
        ("SONNETTE_LOG_LEVEL", "loud"),
    ];
    for (name, text) in wrong {
        let err = place
            .run_with(&["organizer", "list"], &[(name, text)])
            .refused(2);
        assert!(err.starts_with(&format!("error: {name}: ")), "{err}");
    }
    assert!(!place.data().exists());
}

#[test]
fn wrong_flags_are_named() {
    let err = Sandbox::new()
        .run(&["serve", "--log-days", "many"])
        .refused(2);
    assert!(err.starts_with("error: --log-days: "), "{err}");
}

#[test]
fn wrong_lines_of_the_file_are_named() {
    let place = Sandbox::new();
    let wrong = [
        ("listen = \"127.0.0.1:1\"\n\nlistn = 3\n", 3, "listn"),
        ("# a\nlog_days = \"thirty\"\n", 2, "log_days"),
        ("\n\n[mail]\nhostname = \"a\"\n", 4, "hostname"),
        ("[mail]\ntls = \"perhaps\"\n", 2, "tls"),
        (
            "[[action_types]]\naction_type = \"Not One\"\n",
            2,
            "action_type",
        ),
        (
            "\n[[action_types]]\naction_type = \"tibillet.card\"\n",
            2,
            "tibillet",
        ),
        ("data_dir = \"a\"\ndata_dir = \"b\"\n", 2, "data_dir"),
        ("listen = \n", 1, ""),
        ("allow_target = [\n  \"10.0.0.0/8\",\n", 2, ""),
        ("a b\n", 1, ""),
    ];
    for (text, line, name) in wrong {
        place.write("s.toml", text);
        let err = place
            .run(&["organizer", "list", "--config", "s.toml"])
            .refused(2);
        let expected = format!("error: s.toml:{line}: ");
        assert!(
            err.starts_with(&expected) && err.contains(name),
            "{text}{err}"
        );
    }
    let err = place
        .run(&["organizer", "list", "--config", "none.toml"])
        .refused(2);
    assert!(err.contains("none.toml"), "{err}");
    assert!(!place.data().exists());
}

#[test]
fn errors_hold_no_credentials() {
    let place = Sandbox::new();
    for text in [
        "operator_token = 4711\n",
        "[mail]\npassword = 4711\n",
        "token = 4711 4712\n",
    ] {
        place.write("s.toml", text);
        let err = place
            .run(&["organizer", "list", "--config", "s.toml"])
            .refused(2);
        assert!(!err.contains("4711"), "{err}");
    }
    let url = "postgres://sonnette:4711@localhost/sonnette";
    let err = place.run(&["serve", "--database-url", url]).refused(1);
    assert!(
        err.contains("not available in this version") && !err.contains("4711"),
        "{err}"
    );
}

#[test]
fn a_switch_needs_no_value() {
    let place = Sandbox::new();
    for flag in [
        "--require-https",
        "--require-https=false",
        "--require-https=yes",
    ] {
        place.run(&[flag, "organizer", "list"]).done();
    }
    place
        .run(&["organizer", "list", "--require-https=perhaps"])
        .refused(2);
}
