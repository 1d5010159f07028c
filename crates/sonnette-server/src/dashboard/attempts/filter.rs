//! Which attempts somebody asked for: the query of the page, so that a link leads to the same lines.

use crate::dashboard::times::{field, time_of};
use sonnette::domain::{AttemptId, NotificationId, WebhookId};
use sonnette::store::{AttemptQuery, TimeRange};
use url::form_urlencoded;

/// The filters of a log, as they were asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// By how they ended.
    pub(crate) success: Option<bool>,
    /// By concrete action type; empty: any.
    pub(crate) action_type: String,
    /// By event; empty: any.
    pub(crate) event: String,
    /// By notification.
    pub(crate) notification: Option<NotificationId>,
    /// By webhook, where there are several.
    pub(crate) webhook: Option<WebhookId>,
    /// By time of their end.
    pub(crate) span: TimeRange,
    /// Older than this one.
    pub(crate) after: Option<AttemptId>,
    /// Fields with what makes no sense in them: their name and the text.
    pub(crate) wrong: Vec<(&'static str, String)>,
}

impl Filter {
    /// The filters of a query. What makes no sense filters nothing, and is told.
    pub(crate) fn read(query: Option<&str>) -> Self {
        let mut filter = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let value = value.trim();
            if !value.is_empty() {
                filter.take(&name, value);
            }
        }
        filter
    }

    fn take(&mut self, name: &str, value: &str) {
        let wrong = match name {
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
                self.span.since = time_of(value);
                self.span.since.is_none().then_some("since")
            }
            "until" => {
                self.span.until = time_of(value);
                self.span.until.is_none().then_some("until")
            }
            "after" => {
                self.after = value.parse().ok();
                None
            }
            _ => None,
        };
        if let Some(field) = wrong {
            self.wrong.push((field, value.to_owned()));
        }
    }

    /// Whether any is set; where a page begins is none.
    pub(crate) fn is_set(&self) -> bool {
        let begun = Self {
            after: self.after,
            ..Self::default()
        };
        *self != begun
    }

    /// For the store.
    pub(crate) fn query(&self, limit: usize) -> AttemptQuery {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        AttemptQuery {
            success: self.success,
            action_type: some(&self.action_type),
            event: some(&self.event),
            notification: self.notification,
            range: self.span,
            after: self.after,
            limit,
        }
    }

    /// The page at `url` with the same filters, from there on.
    pub(crate) fn link(&self, url: &str, after: Option<AttemptId>) -> String {
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
        pair("since", self.span.since.map(field));
        pair("until", self.span.until.map(field));
        pair("after", after.map(|id| id.to_string()));
        let query = query.finish();
        if query.is_empty() {
            url.to_owned()
        } else {
            format!("{url}?{query}")
        }
    }

    /// `since` as a field of a form shows it.
    pub(crate) fn since(&self) -> String {
        self.span.since.map(field).unwrap_or_default()
    }

    /// `until` as a field of a form shows it.
    pub(crate) fn until(&self) -> String {
        self.span.until.map(field).unwrap_or_default()
    }

    /// The notification's id as a field of a form shows it; what makes no sense is shown again.
    pub(crate) fn notification_text(&self) -> String {
        let wrong = self
            .wrong
            .iter()
            .find(|(name, _)| *name == "notification_id");
        let id = self.notification.map(|id| id.to_string());
        id.or_else(|| wrong.map(|(_, text)| text.clone()))
            .unwrap_or_default()
    }

    /// Whether what stands in this field makes no sense.
    pub(crate) fn is_wrong(&self, field: &str) -> bool {
        self.wrong.iter().any(|(name, _)| *name == field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_same_lines() {
        let query = "success=false&event=a%26b&notification_id=7&since=2026-11-21T18:00&after=9";
        let filter = Filter::read(Some(query));
        assert_eq!(filter.span.since, "2026-11-21T18:00:00Z".parse().ok());
        let link = filter.link("/log/", Some(AttemptId(4)));
        assert_eq!(
            link,
            "/log/?success=false&event=a%26b&notification_id=7&since=2026-11-21T18%3A00&after=4"
        );
        let again = Filter::read(link.split_once('?').map(|(_, query)| query));
        assert_eq!(again.query(1).notification, Some(NotificationId(7)));
        assert_eq!(
            (again.after, again.event.as_str()),
            (Some(AttemptId(4)), "a&b")
        );
    }

    #[test]
    fn what_makes_no_sense_is_told_and_filters_nothing() {
        let filter = Filter::read(Some("success=maybe&until=x&event=+&other=1"));
        assert_eq!((filter.success, filter.span), (None, TimeRange::default()));
        assert!(filter.is_wrong("success") && filter.is_wrong("until") && filter.is_set());
        assert_eq!(filter.link("/log/", None), "/log/");
        assert!(!Filter::read(Some("after=3")).is_set());
    }
}
