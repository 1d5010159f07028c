//! A mail, and what all mails have in common.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use sonnette::domain::Language;

/// A mail before it has an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl Mail {
    /// A mail whose subject is one line, however its template was wrapped.
    pub(super) fn new(subject: &str, text: String, html: String) -> Self {
        Self {
            subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
            text,
            html,
        }
    }
}

/// Makes a struct of each template; all of them show `f`, of the type named first.
macro_rules! templates {
    ($facts:ident: $($name:ident $path:tt)+) => {$(
        #[derive(Template)]
        #[template(path = $path)]
        struct $name<'a> {
            f: &'a $facts<'a>,
        }
    )+};
}
pub(super) use templates;

const MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

/// A time as people read it.
pub(super) fn time(at: Timestamp, language: Language) -> String {
    let at: Zoned = at.to_zoned(TimeZone::UTC);
    match language {
        Language::English => at.strftime("%-d %B %Y at %H:%M UTC").to_string(),
        Language::French => {
            let month = MONTHS
                .get(usize::from(at.month().unsigned_abs()) - 1)
                .unwrap_or(&"");
            let first = if at.day() == 1 { "er" } else { "" };
            format!(
                "{}{first} {month} {}",
                at.day(),
                at.strftime("%Y à %H:%M UTC")
            )
        }
    }
}
