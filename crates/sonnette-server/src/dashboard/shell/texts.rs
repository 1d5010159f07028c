//! What the pages say, in English and French: every text stands in the message files below `words/`, in the syntax of
//! Project Fluent, one file for each part of the dashboard.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::memoizer::MemoizerKind;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use jiff::Timestamp;
use sonnette::domain::Language;

use super::time_element::When;

/// The messages of one language.
pub(crate) struct Words {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

/// The files of one language: each beside the pages that use it.
macro_rules! files {
    ($($path:literal)+) => {
        [
            &[$(include_str!(concat!("../", $path, ".en.ftl"))),+],
            &[$(include_str!(concat!("../", $path, ".fr.ftl"))),+],
        ]
    };
}

const FILES: [&[&str]; 2] = files!(
    "shell/texts" "accounts/texts" "users/texts" "organizers/texts" "events/texts" "tokens/texts" "audit/texts"
    "action_types/texts" "action_types/labels" "notifications/texts" "webhooks/texts" "webhooks/form/texts"
    "webhooks/actions/texts" "webhooks/attempts/texts"
);
const ENGLISH: &[&str] = FILES[0];
const FRENCH: &[&str] = FILES[1];

impl Words {
    /// The messages of this language.
    pub(crate) fn of(language: Language) -> &'static Self {
        static IN_ENGLISH: LazyLock<Words> =
            LazyLock::new(|| Words::read(Language::English, ENGLISH));
        static IN_FRENCH: LazyLock<Words> = LazyLock::new(|| Words::read(Language::French, FRENCH));
        match language {
            Language::English => &IN_ENGLISH,
            Language::French => &IN_FRENCH,
        }
    }

    fn read(language: Language, files: &[&str]) -> Self {
        let tag = language.as_str().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        // The marks that would keep right-to-left text apart only get in the way of copying.
        bundle.set_use_isolating(false);
        bundle.set_formatter(Some(match language {
            Language::English => grouped_by_commas,
            Language::French => grouped_by_spaces,
        }));
        for file in files {
            // A test reads every file: whatever is wrong with one is found there.
            let resource = FluentResource::try_new((*file).to_owned()).unwrap_or_else(|(r, _)| r);
            bundle.add_resource_overriding(resource);
        }
        Self { language, bundle }
    }

    /// The language they are in.
    pub(crate) fn language(&self) -> Language {
        self.language
    }

    /// A text without variables.
    pub(crate) fn t(&self, key: &str) -> Cow<'_, str> {
        self.format(key, None)
    }

    /// A text that depends on a number, `$count`.
    pub(crate) fn n(&self, key: &str, count: impl Into<FluentValue<'static>>) -> String {
        let mut args = FluentArgs::new();
        args.set("count", count);
        self.format(key, Some(&args)).into_owned()
    }

    /// A text with one word of another's, `$what`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "templates pass what they have"
    )]
    pub(crate) fn a(&self, key: &str, what: impl ToString) -> String {
        let mut args = FluentArgs::new();
        args.set("what", what.to_string());
        self.format(key, Some(&args)).into_owned()
    }

    /// A text with variables.
    pub(crate) fn say(&self, key: &str, args: &FluentArgs<'_>) -> String {
        self.format(key, Some(args)).into_owned()
    }

    fn format<'a>(&'a self, key: &str, args: Option<&FluentArgs<'_>>) -> Cow<'a, str> {
        let Some(pattern) = self.bundle.get_message(key).and_then(|m| m.value()) else {
            return Cow::Owned(key.to_owned());
        };
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, args, &mut errors);
        if !errors.is_empty() {
            tracing::error!(message = key, ?errors, "a message lacks something");
        }
        Cow::Owned(text.into_owned())
    }

    /// A whole number as people write it.
    pub(crate) fn number(&self, number: impl Into<u64>) -> String {
        let separator = match self.language {
            Language::English => ',',
            Language::French => '\u{202f}',
        };
        grouped(number.into(), separator)
    }

    /// A share of one, as a percentage with at most one decimal; 100 % only if it is all of it.
    pub(crate) fn percent(&self, share: f64) -> String {
        let tenths = (share * 1_000.0).floor() / 10.0;
        let text = if tenths.fract() == 0.0 {
            format!("{tenths:.0}")
        } else {
            format!("{tenths:.1}")
        };
        match self.language {
            Language::English => format!("{text}%"),
            Language::French => format!("{}\u{202f}%", text.replace('.', ",")),
        }
    }

    /// How long an answer took.
    pub(crate) fn took(&self, time: Duration) -> String {
        let seconds = time.as_secs_f64();
        let text = if seconds < 0.001 {
            "< 1 ms".to_owned()
        } else if seconds < 0.9995 {
            format!("{:.0} ms", seconds * 1_000.0)
        } else {
            format!("{seconds:.2} s")
        };
        match self.language {
            Language::English => text,
            Language::French => text.replace('.', ","),
        }
    }

    /// How long it is until then, or was since then, in its largest unit.
    pub(crate) fn span(&self, one: Timestamp, other: Timestamp) -> String {
        let seconds = one.duration_since(other).as_secs().unsigned_abs();
        let (key, count) = match seconds {
            0..=89 => ("span-seconds", seconds),
            90..=5_399 => ("span-minutes", (seconds + 30) / 60),
            5_400..=129_599 => ("span-hours", (seconds + 1_800) / 3_600),
            _ => ("span-days", (seconds + 43_200) / 86_400),
        };
        self.n(key, count)
    }

    /// A time, shown in the viewer's zone where scripts run.
    #[expect(
        clippy::unused_self,
        reason = "everything a page writes is asked of the words"
    )]
    pub(crate) fn when(&self, at: Timestamp) -> When {
        When(at)
    }
}

fn grouped(number: u64, separator: char) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

fn whole(value: &FluentValue<'_>, separator: char) -> Option<String> {
    let FluentValue::Number(number) = value else {
        return None;
    };
    number
        .as_string()
        .parse()
        .ok()
        .map(|n| grouped(n, separator))
}

fn grouped_by_commas<M: MemoizerKind>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    whole(value, ',')
}

fn grouped_by_spaces<M: MemoizerKind>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    whole(value, '\u{202f}')
}

#[cfg(test)]
#[path = "texts_tests.rs"]
mod tests;
