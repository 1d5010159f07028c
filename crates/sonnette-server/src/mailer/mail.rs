//! A rendered mail, and what all mail templates share.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use sonnette::domain::Language;

/// A rendered mail without its addresses.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl Mail {
    /// Joins the lines of the subject, which its template may wrap.
    pub(super) fn new(subject: &str, text: String, html: String) -> Self {
        Self {
            subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
            text,
            html,
        }
    }
}

/// Declares a struct for each template. Each template reads its values from `f`, whose type is named first.
macro_rules! templates {
    ($fields:ident: $($name:ident $path:tt)+) => {$(
        #[derive(Template)]
        #[template(path = $path)]
        struct $name<'a> {
            f: &'a $fields<'a>,
        }
    )+};
}
pub(super) use templates;

const FRENCH_MONTHS: [&str; 12] = [
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

/// Formats a time for people, in UTC.
pub(super) fn format_time(at: Timestamp, language: Language) -> String {
    let at: Zoned = at.to_zoned(TimeZone::UTC);
    match language {
        Language::English => at.strftime("%-d %B %Y at %H:%M UTC").to_string(),
        Language::French => {
            let month = FRENCH_MONTHS
                .get(usize::from(at.month().unsigned_abs()) - 1)
                .unwrap_or(&"");
            let ordinal = if at.day() == 1 { "er" } else { "" };
            format!(
                "{}{ordinal} {month} {}",
                at.day(),
                at.strftime("%Y à %H:%M UTC")
            )
        }
    }
}
