//! The filters of an attempt log, which are the query of the page's URL.

use sonnette::domain::{AttemptId, NotificationId, WebhookId};
use sonnette::store::{AttemptQuery, TimeRange};
use url::form_urlencoded;

use crate::dashboard::shell::time::{datetime_local, parse_time};

/// The filters of an attempt log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct AttemptFilter {
    /// Only successful attempts, or only failed ones.
    pub(crate) success: Option<bool>,
    /// A concrete action type; empty: any.
    pub(crate) action_type: String,
    /// The slug of an event; empty: any.
    pub(crate) event: String,
    pub(crate) notification: Option<NotificationId>,
    /// Only in the log of all webhooks.
    pub(crate) webhook: Option<WebhookId>,
    /// The time of the attempt's end.
    pub(crate) range: TimeRange,
    /// Only attempts before this one: the last of the previous page.
    pub(crate) after: Option<AttemptId>,
    /// Names and values of fields that are invalid.
    pub(crate) invalid: Vec<(&'static str, String)>,
}

impl AttemptFilter {
    /// The filters of a query. Invalid values are kept in `invalid` and filter nothing.
    pub(crate) fn from_query(query: Option<&str>) -> Self {
        let mut filter = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let value = value.trim();
            if !value.is_empty() {
                filter.set(&name, value);
            }
        }
        filter
    }

    fn set(&mut self, name: &str, value: &str) {
        let invalid = match name {
            "success" => {
                self.success = value.parse().ok();
                self.success.is_none().then_some("success")
            }
            "action_type" => {
                value.clone_into(&mut self.action_type);
                None
            }
            "event" => {
                value.clone_into(&mut self.event);
                None
            }
            "notification_id" => {
                self.notification = value.parse().ok();
                self.notification.is_none().then_some("notification_id")
            }
            "webhook" => {
                self.webhook = value.parse().ok();
                self.webhook.is_none().then_some("webhook")
            }
            "since" => {
                self.range.since = parse_time(value);
                self.range.since.is_none().then_some("since")
            }
            "until" => {
                self.range.until = parse_time(value);
                self.range.until.is_none().then_some("until")
            }
            "after" => {
                self.after = value.parse().ok();
                None
            }
            _ => None,
        };
        if let Some(field) = invalid {
            self.invalid.push((field, value.to_owned()));
        }
    }

    /// Whether any filter is set. `after` is not a filter.
    pub(crate) fn is_set(&self) -> bool {
        let unset = Self {
            after: self.after,
            ..Self::default()
        };
        *self != unset
    }

    /// The query for the store.
    pub(crate) fn to_store_query(&self, limit: usize) -> AttemptQuery {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        AttemptQuery {
            success: self.success,
            action_type: some(&self.action_type),
            event: some(&self.event),
            notification: self.notification,
            range: self.range,
            after: self.after,
            limit,
        }
    }

    /// The URL of the page at `url` with these filters, starting after an attempt.
    pub(crate) fn page_url(&self, url: &str, after: Option<AttemptId>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let mut pair = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                query.append_pair(name, &value);
            }
        };
        pair("success", self.success.map(|success| success.to_string()));
        pair("webhook", self.webhook.map(|id| id.to_string()));
        pair("action_type", Some(self.action_type.clone()));
        pair("event", Some(self.event.clone()));
        pair(
            "notification_id",
            self.notification.map(|id| id.to_string()),
        );
        pair("since", self.range.since.map(datetime_local));
        pair("until", self.range.until.map(datetime_local));
        pair("after", after.map(|id| id.to_string()));
        let query = query.finish();
        if query.is_empty() {
            url.to_owned()
        } else {
            format!("{url}?{query}")
        }
    }

    /// The value of the field `since`.
    pub(crate) fn since(&self) -> String {
        self.range.since.map(datetime_local).unwrap_or_default()
    }

    /// The value of the field `until`.
    pub(crate) fn until(&self) -> String {
        self.range.until.map(datetime_local).unwrap_or_default()
    }

    /// The value of the field `notification_id`, even if it is invalid.
    pub(crate) fn notification_text(&self) -> String {
        let invalid = self
            .invalid
            .iter()
            .find(|(name, _)| *name == "notification_id");
        let id = self.notification.map(|id| id.to_string());
        id.or_else(|| invalid.map(|(_, text)| text.clone()))
            .unwrap_or_default()
    }

    /// Whether the value of this field is invalid.
    pub(crate) fn is_invalid(&self, field: &str) -> bool {
        self.invalid.iter().any(|(name, _)| *name == field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_the_filters() {
        let query = "success=false&event=a%26b&notification_id=7&since=2026-11-21T18:00&after=9";
        let filter = AttemptFilter::from_query(Some(query));
        assert_eq!(filter.range.since, "2026-11-21T18:00:00Z".parse().ok());
        let url = filter.page_url("/log/", Some(AttemptId(4)));
        assert_eq!(
            url,
            "/log/?success=false&event=a%26b&notification_id=7&since=2026-11-21T18%3A00&after=4"
        );
        let again = AttemptFilter::from_query(url.split_once('?').map(|(_, query)| query));
        assert_eq!(
            again.to_store_query(1).notification,
            Some(NotificationId(7))
        );
        assert_eq!(
            (again.after, again.event.as_str()),
            (Some(AttemptId(4)), "a&b")
        );
    }

    #[test]
    fn invalid_values_are_reported_and_filter_nothing() {
        let filter = AttemptFilter::from_query(Some("success=maybe&until=x&event=+&other=1"));
        assert_eq!((filter.success, filter.range), (None, TimeRange::default()));
        assert!(filter.is_invalid("success") && filter.is_invalid("until") && filter.is_set());
        assert_eq!(filter.page_url("/log/", None), "/log/");
        assert!(!AttemptFilter::from_query(Some("after=3")).is_set());
    }
}
