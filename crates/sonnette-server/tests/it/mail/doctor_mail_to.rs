//! `sonnette doctor --mail-to`, with each encryption and login.

use super::smtp_server::{Encryption, MailServer, SmtpBehavior};
use crate::cli::sandbox::Sandbox;

fn doctor(server: &MailServer, more: &[&str]) -> (i32, String) {
    let sandbox = Sandbox::new();
    sandbox.write("authority.pem", &server.authority);
    let port = server.port();
    let mut args = vec![
        "doctor",
        "--mail-to",
        "you@example.org",
        "--mail-host",
        "localhost",
        "--mail-port",
        &port,
        "--mail-from",
        "Sonnette <webhooks@example.org>",
    ];
    args.extend(more);
    let ran = sandbox.run(&args);
    let line = ran.out.lines().find(|line| line.contains("mail:"));
    (ran.code, line.unwrap_or(&ran.err).to_owned())
}

const TRUST: [&str; 2] = ["--extra-ca-file", "authority.pem"];
const LOGIN: [&str; 4] = ["--mail-user", "sonnette", "--mail-password", "hush"];

#[test]
fn mail_is_unencrypted_only_if_configured() {
    let server = MailServer::start(Encryption::None, "");
    let (code, line) = doctor(&server, &["--mail-tls", "none"]);
    assert_eq!(code, 0, "{line}");
    assert_eq!(
        line,
        "✓ mail: localhost accepted a test mail for you@example.org"
    );
    let mail = &server.mails()[0];
    assert_eq!(mail.to, ["you@example.org"]);
    assert_eq!(mail.header("From"), "Sonnette <webhooks@example.org>");
    assert_eq!(mail.header("Subject"), "Test mail from Sonnette");
    // STARTTLS is the default, and not optional.
    let (code, line) = doctor(&server, &TRUST);
    assert_eq!(code, 1, "{line}");
    assert!(line.starts_with("✗ mail: "), "{line}");
    assert_eq!(server.mails().len(), 1);
}

#[test]
fn starttls_with_a_plain_login() {
    let server = MailServer::start(Encryption::Starttls, "PLAIN");
    let (code, line) = doctor(&server, &[&TRUST[..], &LOGIN].concat());
    assert_eq!(code, 0, "{line}");
    let mail = &server.mails()[0];
    assert!(mail.encrypted);
    assert_eq!(mail.login.as_deref(), Some("PLAIN |sonnette|hush"));
}

#[test]
fn tls_from_the_start_with_the_old_login() {
    let server = MailServer::start(Encryption::Tls, "LOGIN");
    let (code, line) = doctor(
        &server,
        &[&TRUST[..], &LOGIN, &["--mail-tls", "tls"]].concat(),
    );
    assert_eq!(code, 0, "{line}");
    let mail = &server.mails()[0];
    assert!(mail.encrypted);
    assert_eq!(mail.login.as_deref(), Some("LOGIN sonnette hush"));
}

#[test]
fn failures_are_reported() {
    let server = MailServer::start(Encryption::Starttls, "PLAIN");
    let (code, line) = doctor(&server, &[]);
    assert_eq!(code, 1);
    assert!(line.contains("certificate"), "{line}");
    for (behaviour, said) in [
        (SmtpBehavior::RefuseLogin, "535"),
        (SmtpBehavior::Refuse("451 later"), "451"),
        (SmtpBehavior::Refuse("554 never"), "554"),
        (SmtpBehavior::RefuseRecipient("you@example.org"), "550"),
        (SmtpBehavior::Disconnect, "✗"),
    ] {
        server.script([behaviour]);
        let (code, line) = doctor(&server, &[&TRUST[..], &LOGIN].concat());
        assert_eq!(code, 1, "{behaviour:?}");
        assert!(
            line.contains(said) && !line.contains("hush"),
            "{behaviour:?}: {line}"
        );
    }
    let (code, line) = doctor(&server, &["--mail-tls", "tls"]);
    assert_eq!(code, 1);
    assert!(
        line.contains("does not speak TLS on this port (mail.tls, mail.port)"),
        "{line}"
    );
    assert!(server.mails().is_empty());
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["doctor", "--mail-to", "you@example.org"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("mail.host"), "{}", ran.out);
    let ran = sandbox.run(&["serve", "--mail-from", "nobody"]);
    let said = ran.refused(2);
    assert!(said.contains("--mail-from: expected an address"), "{said}");
}
