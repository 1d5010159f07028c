//! Precedence of flags, variables and the file; errors name the source.

use super::sandbox::Sandbox;

/// Which data directory counts shows in where the store comes to be.
#[test]
fn flags_override_variables_which_override_the_file() {
    let sandbox = Sandbox::new();
    sandbox.write("sonnette.toml", "data_dir = \"from-file\"\n");
    let config = [
        ("SONNETTE_CONFIG", "sonnette.toml"),
        ("SONNETTE_DATA_DIR", ""),
    ];
    sandbox.run_with(&["organizer", "list"], &config).done();
    assert!(sandbox.path("from-file/sonnette.db").exists());

    let both = [
        ("SONNETTE_CONFIG", "sonnette.toml"),
        ("SONNETTE_DATA_DIR", "from-variable"),
    ];
    sandbox.run_with(&["organizer", "list"], &both).done();
    assert!(sandbox.path("from-variable/sonnette.db").exists());

    sandbox
        .run_with(&["--data-dir", "before", "organizer", "list"], &both)
        .done();
    assert!(sandbox.path("before/sonnette.db").exists());
    sandbox
        .run_with(&["organizer", "list", "--data-dir", "after"], &both)
        .done();
    assert!(sandbox.path("after/sonnette.db").exists());
    assert!(!sandbox.data().exists());
}

#[test]
fn the_config_flag_overrides_its_variable() {
    let sandbox = Sandbox::new();
    sandbox.write("a.toml", "data_dir = \"a\"\n");
    let config = [
        ("SONNETTE_CONFIG", "no-such.toml"),
        ("SONNETTE_DATA_DIR", ""),
    ];
    sandbox
        .run_with(&["organizer", "list", "--config", "a.toml"], &config)
        .done();
    assert!(sandbox.path("a/sonnette.db").exists());
}

#[test]
fn errors_name_the_variable() {
    let sandbox = Sandbox::new();
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
        let err = sandbox
            .run_with(&["organizer", "list"], &[(name, text)])
            .refused(2);
        assert!(err.starts_with(&format!("error: {name}: ")), "{err}");
    }
    assert!(!sandbox.data().exists());
}

#[test]
fn errors_name_the_flag() {
    let err = Sandbox::new()
        .run(&["serve", "--log-days", "many"])
        .refused(2);
    assert!(err.starts_with("error: --log-days: "), "{err}");
}

#[test]
fn errors_name_the_line_of_the_file() {
    let sandbox = Sandbox::new();
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
        sandbox.write("s.toml", text);
        let err = sandbox
            .run(&["organizer", "list", "--config", "s.toml"])
            .refused(2);
        let expected = format!("error: s.toml:{line}: ");
        assert!(
            err.starts_with(&expected) && err.contains(name),
            "{text}{err}"
        );
    }
    let err = sandbox
        .run(&["organizer", "list", "--config", "none.toml"])
        .refused(2);
    assert!(err.contains("none.toml"), "{err}");
    assert!(!sandbox.data().exists());
}

#[test]
fn errors_hold_no_credentials() {
    let sandbox = Sandbox::new();
    for text in [
        "operator_token = 4711\n",
        "[mail]\npassword = 4711\n",
        "token = 4711 4712\n",
    ] {
        sandbox.write("s.toml", text);
        let err = sandbox
            .run(&["organizer", "list", "--config", "s.toml"])
            .refused(2);
        assert!(!err.contains("4711"), "{err}");
    }
    let url = "postgres://sonnette:4711@localhost/sonnette";
    let err = sandbox.run(&["serve", "--database-url", url]).refused(1);
    assert!(
        err.contains("not available in this version") && !err.contains("4711"),
        "{err}"
    );
}

#[test]
fn a_switch_needs_no_value() {
    let sandbox = Sandbox::new();
    for flag in [
        "--require-https",
        "--require-https=false",
        "--require-https=yes",
    ] {
        sandbox.run(&[flag, "organizer", "list"]).done();
    }
    sandbox
        .run(&["organizer", "list", "--require-https=perhaps"])
        .refused(2);
}
