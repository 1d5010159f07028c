//! Precedence of flags, variables and the file; errors name the source.

use super::sandbox::{Sandbox, Server};

/// Which data directory counts shows in where the store comes to be.
#[test]
fn flags_override_variables_which_override_the_file() {
    let sandbox = Sandbox::new();
    sandbox.write("sonnette.toml", "data_dir = \"from-file\"\n");
    let config = [
        ("SONNETTE_CONFIG", "sonnette.toml"),
        ("SONNETTE_DATA_DIR", ""),
    ];
    sandbox.run_with(&["migrate"], &config).done();
    assert!(sandbox.path("from-file/sonnette.db").exists());

    let both = [
        ("SONNETTE_CONFIG", "sonnette.toml"),
        ("SONNETTE_DATA_DIR", "from-variable"),
    ];
    sandbox.run_with(&["migrate"], &both).done();
    assert!(sandbox.path("from-variable/sonnette.db").exists());

    sandbox
        .run_with(&["--data-dir", "before", "migrate"], &both)
        .done();
    assert!(sandbox.path("before/sonnette.db").exists());
    sandbox
        .run_with(&["migrate", "--data-dir", "after"], &both)
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
        .run_with(&["migrate", "--config", "a.toml"], &config)
        .done();
    assert!(sandbox.path("a/sonnette.db").exists());
}

#[test]
fn errors_name_the_variable() {
    let sandbox = Sandbox::new();
    let wrong = [
        ("SONNETTE_LISTEN", "nowhere"),
        ("SONNETTE_TIMEOUT_SECONDS", "31"),
        ("SONNETTE_TIMEOUT_SECONDS", "soon"),
        ("SONNETTE_REQUIRE_HTTPS", "perhaps"),
        ("SONNETTE_ALLOW_TARGET", "10.0.0.0/8,http://a"),
        ("SONNETTE_TRUSTED_PROXIES", "proxy"),
        ("SONNETTE_PUBLIC_URL", "ftp://a"),
        ("SONNETTE_PUBLIC_URL", "https://example.org/hooks/"),
        ("SONNETTE_PUBLIC_URL", "https://example.org/?a=b"),
        ("SONNETTE_PUBLIC_URL", "https://me@example.org/"),
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
fn unknown_variables_stop_the_commands_of_the_server_and_warn_elsewhere() {
    let sandbox = Sandbox::new();
    for name in ["SONNETTE_DATADIR", "SONNETTE_", "SONNETTE_LISTEN_PORT"] {
        for command in ["serve", "migrate"] {
            let err = sandbox.run_with(&[command], &[(name, "80")]).refused(2);
            assert!(err.starts_with(&format!("error: {name}: ")), "{err}");
        }
        let ran = sandbox.run_with(&["doctor"], &[(name, "80")]);
        assert_eq!(ran.code, 1, "{}", ran.out);
        let ran = sandbox.run_with(&["openapi"], &[(name, "80")]);
        let warning = format!("warning: {name}: unknown setting");
        assert!(
            ran.code == 0 && ran.err.starts_with(&warning),
            "{}",
            ran.err
        );
    }
    assert!(!sandbox.data().exists());
}

#[test]
fn variables_that_kubernetes_and_docker_inject_are_passed_over_in_silence() {
    let sandbox = Sandbox::new();
    let injected = [
        ("SONNETTE_PORT", "tcp://10.0.0.1:8080"),
        ("SONNETTE_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("SONNETTE_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("SONNETTE_SERVICE_HOST", "10.0.0.1"),
        ("SONNETTE_SERVICE_PORT", "8080"),
        ("SONNETTE_WEB_SERVICE_PORT_HTTP", "8080"),
        ("SONNETTE_MAIL_PORT", "tcp://10.0.0.1:25"),
        ("SONNETTE_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ];
    for command in ["migrate", "doctor", "openapi"] {
        let ran = sandbox.run_with(&[command], &injected);
        assert_eq!(
            (ran.code, ran.err.as_str()),
            (0, ""),
            "{command}: {}",
            ran.out
        );
    }
    let mut serve = sandbox.command(&["serve", "--listen", "127.0.0.1:0"]);
    serve.envs(injected);
    let (status, _) = Server::start(serve).end("-TERM");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_wrong_listen_address_is_answered_with_an_example_and_names_are_looked_up() {
    let sandbox = Sandbox::new();
    for (text, example) in [
        ("8081", "127.0.0.1:8081"),
        (":8081", "127.0.0.1:8081"),
        ("127.0.0.1", "127.0.0.1:8080"),
    ] {
        let err = sandbox.run(&["openapi", "--listen", text]).refused(2);
        assert!(err.contains(example), "{err}");
    }
    sandbox
        .run(&["openapi", "--listen", "localhost:8081"])
        .done();
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

/// The secret shows in which mistake the command reports.
#[test]
fn every_secret_setting_can_be_read_from_a_file() {
    let sandbox = Sandbox::new();
    sandbox.write("secret", "\u{feff}mysql://localhost/x\r\n");
    let bad_scheme = "expected a URL that begins with postgres://";
    let file = [("SONNETTE_DATABASE_URL_FILE", "secret")];
    let err = sandbox.run_with(&["migrate"], &file).refused(1);
    assert!(err.contains(bad_scheme), "{err}");
    sandbox.write("s.toml", "database_url_file = \"secret\"\n");
    let err = sandbox.run(&["migrate", "--config", "s.toml"]).refused(1);
    assert!(err.contains(bad_scheme), "{err}");
    // The text of a higher source overrides the file of a lower one, and the reverse.
    let args = ["migrate", "--database-url", "postgres://localhost/x"];
    let err = sandbox.run_with(&args, &file).refused(1);
    assert!(err.contains("PostgreSQL is not available"), "{err}");
    let text = [("SONNETTE_DATABASE_URL", "postgres://localhost/x")];
    let args = ["migrate", "--database-url-file", "secret"];
    let err = sandbox.run_with(&args, &text).refused(1);
    assert!(err.contains(bad_scheme), "{err}");

    for (text, file) in [
        ("SONNETTE_DATABASE_URL", "SONNETTE_DATABASE_URL_FILE"),
        ("SONNETTE_TOKEN", "SONNETTE_TOKEN_FILE"),
        ("SONNETTE_MAIL_PASSWORD", "SONNETTE_MAIL_PASSWORD_FILE"),
    ] {
        let both = [(text, "x"), (file, "secret")];
        let err = sandbox.run_with(&["openapi"], &both).refused(2);
        assert!(err.contains(text) && err.contains(file), "{err}");
    }
    sandbox.write(
        "s.toml",
        "[mail]\npassword = \"x\"\npassword_file = \"y\"\n",
    );
    let err = sandbox.run(&["openapi", "--config", "s.toml"]).refused(2);
    assert!(err.contains("mail.password_file"), "{err}");
    for name in ["SONNETTE_TOKEN_FILE", "SONNETTE_OPERATOR_TOKEN_FILE"] {
        let args = ["publish", "a", "b.c"];
        let err = sandbox
            .run_with(&args, &[(name, "no-such-file")])
            .refused(2);
        assert!(err.contains("no-such-file"), "{err}");
    }
}

#[test]
fn a_switch_needs_no_value() {
    let sandbox = Sandbox::new();
    for flag in [
        "--require-https",
        "--require-https=false",
        "--require-https=yes",
    ] {
        sandbox.run(&[flag, "migrate"]).done();
    }
    sandbox
        .run(&["organizer", "list", "--require-https=perhaps"])
        .refused(2);
}

/// A flag that a command accepts and does not use is never ignored silently.
#[test]
fn flags_without_effect_are_named() {
    let sandbox = Sandbox::with_store();
    let warning = |flag: &str| format!("warning: {flag} has no effect on this command\n");
    for (args, ignored) in [
        (
            &["organizer", "list", "--listen", "127.0.0.1:8081"][..],
            &["--listen"][..],
        ),
        (
            &[
                "token",
                "list",
                "--url",
                "http://a.example",
                "--require-https",
            ],
            &["--require-https", "--url"],
        ),
        (&["openapi", "--data-dir", "x"], &["--data-dir"]),
        (
            &["migrate", "--allow-target", "127.0.0.1"],
            &["--allow-target"],
        ),
        (
            &[
                "organizer",
                "list",
                "--data-dir",
                "data",
                "--log-level",
                "info",
            ],
            &[],
        ),
    ] {
        let ran = sandbox.run(args);
        let expected: String = ignored.iter().map(|flag| warning(flag)).collect();
        assert_eq!((ran.code, &ran.err), (0, &expected), "{args:?}");
    }
    // Variables and files hold the settings of all commands.
    let variables = [("SONNETTE_LISTEN", "127.0.0.1:8081")];
    let ran = sandbox.run_with(&["organizer", "list"], &variables);
    assert_eq!(ran.err, "");
    let ran = sandbox.run(&[
        "publish",
        "x",
        "a.b",
        "--url",
        "http://127.0.0.1:1",
        "--token",
        "t",
        "--data-dir",
        "data",
    ]);
    assert!(ran.err.starts_with(&warning("--data-dir")), "{}", ran.err);
}

/// Without `public_url`, links lead to the server that other commands use.
#[test]
fn an_invitation_leads_to_the_server_of_other_commands() {
    let sandbox = Sandbox::with_store();
    let invite = ["user", "invite", "zoe@example.org", "--operator"];
    let variables = [("SONNETTE_URL", "http://hooks.internal:9090")];
    let link = sandbox.run_with(&invite, &variables).done();
    assert!(
        link.starts_with("http://hooks.internal:9090/password/"),
        "{link}"
    );
}
