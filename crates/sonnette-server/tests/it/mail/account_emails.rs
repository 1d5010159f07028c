//! Invitations and their links.

use ring::digest::{SHA256, digest};
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{AccessLinkPurpose, AccountEmailKind, Language, SessionTokenHash};
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{AccountEmailStore as _, AccountStore as _, SessionStore as _};

use super::alerts::arguments;
use super::smtp_server::{Encryption, Mail, MailServer, SmtpBehavior};
use crate::cli::sandbox::Sandbox;

const ADA: &str = "ada@example.org";

/// With an organizer that speaks French.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_store();
    let create = ["organizer", "create", "bigevents", "--name", "Le Parc"];
    sandbox
        .run(&[&create[..], &["--language", "fr"]].concat())
        .done();
    sandbox
}

/// Beside `args`, the settings by which this server mails.
fn with_mail<'a>(args: &[&'a str], settings: &'a [String]) -> Vec<&'a str> {
    let settings = settings.iter().map(String::as_str);
    args.iter().copied().chain(settings).collect()
}

fn store(sandbox: &Sandbox) -> SqliteStore {
    SqliteStore::open(&sandbox.data()).unwrap()
}

/// Both parts, as they are read.
fn body(mail: &Mail) -> String {
    let text = mail.text.replace("=\r\n", "");
    text.replace("=3D", "=").replace("=20", " ")
}

/// The text of the link in a mail.
fn link(mail: &Mail) -> String {
    let body = body(mail);
    let before = "https://hooks.example.org/password/";
    let links: Vec<_> = body
        .split(before)
        .skip(1)
        .map(|rest| rest.split('/').next().unwrap())
        .collect();
    // In the text, and twice in HTML.
    assert_eq!(links.len(), 3, "{body}");
    assert!(links.iter().all(|link| *link == links[0]), "{links:?}");
    links[0].to_owned()
}

fn purpose(store: &SqliteStore, text: &str) -> Option<AccessLinkPurpose> {
    let mut hash = SessionTokenHash::default();
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    let found = store.link(&hash, SystemClock.now()).unwrap();
    found.map(|link| link.purpose)
}

#[test]
fn an_invitation_is_in_the_organizers_language_and_has_a_link() {
    let mail = MailServer::start(Encryption::None, "");
    mail.script([SmtpBehavior::Refuse("451 4.7.1 greylisted")]);
    let (sandbox, settings) = (sandbox(), arguments(&mail));
    let _server = sandbox.serve(&with_mail(&[], &settings));
    let invite = ["user", "invite", ADA, "--organizer", "bigevents"];
    let out = sandbox.run(&with_mail(&invite, &settings)).done();
    assert_eq!(
        out,
        "invited ada@example.org; the server will mail a link\n"
    );

    let mails = mail.wait_for(1);
    assert_eq!(mail.connections(), 2);
    assert_eq!(
        (mails[0].to.as_slice(), mails[0].header("To")),
        (&[ADA.to_owned()][..], ADA.to_owned())
    );
    assert_eq!(
        mails[0].header("Subject"),
        "Invitation aux webhooks de Le Parc"
    );
    assert!(
        mails[0]
            .header("Message-ID")
            .starts_with("<letter-invitation-1-")
    );
    let body = body(&mails[0]);
    assert!(
        body.contains("Pour choisir un mot de passe pour ada@example.org"),
        "{body}"
    );

    // The link leads to this user, and what is stored is not the link.
    let (store, text) = (store(&sandbox), link(&mails[0]));
    let user = store.users(None).unwrap().remove(0);
    assert_eq!(
        purpose(&store, &text),
        Some(AccessLinkPurpose::Invitation(user.id))
    );
    for file in std::fs::read_dir(sandbox.data()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(text.len()).any(|w| w == text.as_bytes()));
    }
}

#[test]
fn an_unconfirmed_email_is_sent_again_with_the_same_id_after_a_crash() {
    let mail = MailServer::start(Encryption::None, "");
    mail.script([SmtpBehavior::AcceptWithoutReply]);
    let (sandbox, settings) = (sandbox(), arguments(&mail));
    let mut server = sandbox.serve(&with_mail(&[], &settings));
    let create = ["user", "create", ADA, "--operator"];
    sandbox.run(&create).done();
    let store = store(&sandbox);
    let user = store.users(None).unwrap().remove(0).id;
    let owe = || {
        let now = SystemClock.now();
        store.enqueue_account_email(user, AccountEmailKind::Reset, Language::English, None, now)
    };
    assert!(owe().unwrap());
    assert!(!owe().unwrap(), "one a minute");
    mail.wait_for(1);
    server.kill();
    let _server = sandbox.serve(&with_mail(&[], &settings));
    let mails = mail.wait_for(2);
    assert_eq!(
        mails[0].header("Subject"),
        "A new password for ada@example.org"
    );
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    // Whichever of them is read: its link is good, until one of them has served.
    let texts = [link(&mails[0]), link(&mails[1])];
    assert_ne!(texts[0], texts[1]);
    for text in texts {
        assert_eq!(purpose(&store, &text), Some(AccessLinkPurpose::Reset(user)));
    }
}
