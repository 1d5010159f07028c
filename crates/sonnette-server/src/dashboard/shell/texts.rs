//! The texts of the pages in English and French. They are in Project Fluent files (`texts.en.ftl`, `texts.fr.ftl`) beside
//! the pages that use them.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::memoizer::MemoizerKind;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use jiff::Timestamp;
use sonnette::domain::Language;

use super::time_element::TimeElement;

/// The texts of one language.
pub(crate) struct Texts {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

/// The English and the French files at these paths below `dashboard/`.
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

impl Texts {
    /// The texts of this language.
    pub(crate) fn of(language: Language) -> &'static Self {
        static ENGLISH_TEXTS: LazyLock<Texts> =
            LazyLock::new(|| Texts::read(Language::English, ENGLISH));
        static FRENCH_TEXTS: LazyLock<Texts> =
            LazyLock::new(|| Texts::read(Language::French, FRENCH));
        match language {
            Language::English => &ENGLISH_TEXTS,
            Language::French => &FRENCH_TEXTS,
        }
    }

    fn read(language: Language, files: &[&str]) -> Self {
        let tag = language.as_str().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![tag]);
        // Isolation marks are for right-to-left text; they would be copied along with the text.
        bundle.set_use_isolating(false);
        bundle.set_formatter(Some(match language {
            Language::English => grouped_by_commas,
            Language::French => grouped_by_spaces,
        }));
        for file in files {
            // A test checks that all files parse.
            let resource = FluentResource::try_new((*file).to_owned()).unwrap_or_else(|(r, _)| r);
            bundle.add_resource_overriding(resource);
        }
        Self { language, bundle }
    }

    /// The language of the texts.
    pub(crate) fn language(&self) -> Language {
        self.language
    }

    /// A text without variables.
    pub(crate) fn get(&self, key: &str) -> Cow<'_, str> {
        self.format(key, None)
    }

    /// A text with a number, `$count`.
    pub(crate) fn get_count(&self, key: &str, count: impl Into<FluentValue<'static>>) -> String {
        let mut args = FluentArgs::new();
        args.set("count", count);
        self.format(key, Some(&args)).into_owned()
    }

    /// A text with one value, `$what`.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "templates pass references and values alike"
    )]
    pub(crate) fn get_with(&self, key: &str, what: impl ToString) -> String {
        let mut args = FluentArgs::new();
        args.set("what", what.to_string());
        self.format(key, Some(&args)).into_owned()
    }

    /// A text with several variables.
    pub(crate) fn get_args(&self, key: &str, args: &FluentArgs<'_>) -> String {
        self.format(key, Some(args)).into_owned()
    }

    fn format<'a>(&'a self, key: &str, args: Option<&FluentArgs<'_>>) -> Cow<'a, str> {
        let Some(pattern) = self.bundle.get_message(key).and_then(|m| m.value()) else {
            return Cow::Owned(key.to_owned());
        };
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, args, &mut errors);
        if !errors.is_empty() {
            tracing::error!(key, ?errors, "text {key}: a variable is missing");
        }
        Cow::Owned(text.into_owned())
    }

    /// A whole number with separators between groups of digits.
    pub(crate) fn number(&self, number: impl Into<u64>) -> String {
        let separator = match self.language {
            Language::English => ',',
            Language::French => '\u{202f}',
        };
        grouped(number.into(), separator)
    }

    /// A share (0 to 1) as a percentage with at most one decimal, rounded down: 100 % only if it is exactly 1.
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

    /// A response time.
    pub(crate) fn duration(&self, time: Duration) -> String {
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

    /// The time between two points in time, in its largest unit.
    pub(crate) fn time_between(&self, one: Timestamp, other: Timestamp) -> String {
        let seconds = one.duration_since(other).as_secs().unsigned_abs();
        let (key, count) = match seconds {
            0..=89 => ("span-seconds", seconds),
            90..=5_399 => ("span-minutes", (seconds + 30) / 60),
            5_400..=129_599 => ("span-hours", (seconds + 1_800) / 3_600),
            _ => ("span-days", (seconds + 43_200) / 86_400),
        };
        self.get_count(key, count)
    }

    /// A point in time; a script shows it in the user's time zone.
    #[expect(clippy::unused_self, reason = "pages format all values by the texts")]
    pub(crate) fn time(&self, at: Timestamp) -> TimeElement {
        TimeElement(at)
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
