//! The filters of the list of notifications, which are the query of its URL.

use sonnette::domain::NotificationId;
use sonnette::store::{NotificationQuery, TimeRange};
use url::form_urlencoded;

use crate::dashboard::shell::form_errors::FormErrors;
use crate::dashboard::shell::texts::Texts;
use crate::dashboard::shell::time::parse_time;

/// The values of the filters as the user typed them.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct NotificationFilters {
    pub(super) id: String,
    pub(super) action_type: String,
    pub(super) event: String,
    pub(super) since: String,
    pub(super) until: String,
    pub(super) after: String,
}

impl NotificationFilters {
    /// The filters of a query.
    pub(super) fn from_query(query: &str) -> Self {
        let mut filters = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let field = match &*name {
                "id" => &mut filters.id,
                "action_type" => &mut filters.action_type,
                "event" => &mut filters.event,
                "since" => &mut filters.since,
                "until" => &mut filters.until,
                "after" => &mut filters.after,
                _ => continue,
            };
            value.trim().clone_into(field);
        }
        filters
    }

    /// Whether any filter is set.
    pub(super) fn is_set(&self) -> bool {
        let after = self.after.clone();
        *self
            != Self {
                after,
                ..Self::default()
            }
    }

    /// The query of the next page, which begins after this notification.
    pub(super) fn next_query(&self, id: NotificationId) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let fields = [
            ("action_type", &self.action_type),
            ("event", &self.event),
            ("since", &self.since),
            ("until", &self.until),
        ];
        query.extend_pairs(fields.iter().filter(|(_, value)| !value.is_empty()));
        query.append_pair("after", &id.to_string());
        query.finish()
    }

    /// The query for the store. Adds a message for each invalid time.
    pub(super) fn to_store_query(
        &self,
        texts: &Texts,
        errors: &mut FormErrors,
        limit: usize,
    ) -> NotificationQuery {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let mut time = |field: &'static str, text: &str| {
            let at = parse_time(text);
            if at.is_none() && !text.is_empty() {
                errors.add(field, texts.get("field-error-time"));
            }
            at
        };
        NotificationQuery {
            action_type: text(&self.action_type),
            event: text(&self.event),
            range: TimeRange {
                since: time("since", &self.since),
                until: time("until", &self.until),
            },
            after: self.after.parse().ok(),
            limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_stay_in_the_url() {
        let filters = NotificationFilters::from_query(
            "event=a+b&since=2026-11-21T18%3A00&id=&page=3&after=9",
        );
        assert!(filters.is_set());
        let next = filters.next_query(NotificationId(4));
        assert_eq!(next, "event=a+b&since=2026-11-21T18%3A00&after=4");
        assert!(!NotificationFilters::from_query("after=4&event=").is_set());
    }
}
