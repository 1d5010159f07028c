//! Which notifications to show: as the URL says.

use sonnette::domain::NotificationId;
use sonnette::store::{NotificationQuery, TimeRange};
use url::form_urlencoded;

use crate::dashboard::faults::Faults;
use crate::dashboard::times::time_of;
use crate::dashboard::words::Words;

/// What was filled in, as it was.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Filters {
    pub(super) id: String,
    pub(super) action_type: String,
    pub(super) event: String,
    pub(super) since: String,
    pub(super) until: String,
    pub(super) after: String,
}

impl Filters {
    /// Reads the query of a URL.
    pub(super) fn read(query: &str) -> Self {
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

    /// Whether anything is filtered.
    pub(super) fn any(&self) -> bool {
        let after = self.after.clone();
        *self
            != Self {
                after,
                ..Self::default()
            }
    }

    /// The query of a URL that shows what comes after this one.
    pub(super) fn after(&self, id: NotificationId) -> String {
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

    /// What the store is asked.
    pub(super) fn query(&self, w: &Words, faults: &mut Faults, limit: usize) -> NotificationQuery {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let mut time = |field: &'static str, text: &str| {
            let at = time_of(text);
            if at.is_none() && !text.is_empty() {
                faults.add(field, w.t("fault-no-time"));
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
        let filters = Filters::read("event=a+b&since=2026-11-21T18%3A00&id=&page=3&after=9");
        assert!(filters.any());
        let next = filters.after(NotificationId(4));
        assert_eq!(next, "event=a+b&since=2026-11-21T18%3A00&after=4");
        assert!(!Filters::read("after=4&event=").any());
    }
}
