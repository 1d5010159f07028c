//! The fields that an organizer sets of a webhook, and the rules for them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sonnette::domain::{
    ActionTypeName, DisableReason, Disablement, EventFilter, EventSlug, TargetUrl, Webhook,
    WebhookState,
};

use crate::admin::validation::{Nullable, Violation};

/// Characters of a `target_url`.
pub(crate) const MAX_TARGET_URL_CHARS: usize = 1_024;
/// Characters of a `comment`.
pub(crate) const MAX_COMMENT_CHARS: usize = 255;

/// The fields that an organizer sets of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebhookFields {
    /// Whether requests are sent.
    pub(crate) enabled: bool,
    /// Where requests are sent.
    pub(crate) target: TargetUrl,
    /// For which events.
    pub(crate) events: EventFilter,
    /// For which action types: sorted by bytes. A create request may contain duplicates, which are kept.
    pub(crate) action_types: Vec<ActionTypeName>,
    /// The organizer's note. An empty note differs from none.
    pub(crate) comment: Option<String>,
}

impl WebhookFields {
    /// The fields of a stored webhook.
    pub(crate) fn of(webhook: &Webhook) -> Self {
        Self {
            enabled: webhook.is_enabled(),
            target: webhook.target.clone(),
            events: webhook.events.clone(),
            action_types: webhook.action_types.clone(),
            comment: webhook.comment.clone(),
        }
    }

    /// Sets the fields of a webhook.
    pub(crate) fn apply(self, webhook: &mut Webhook, now: Timestamp) {
        webhook.state = state_after(&webhook.state, self.enabled, now);
        webhook.target = self.target;
        webhook.events = self.events;
        webhook.action_types = self.action_types;
        webhook.comment = self.comment;
    }

    /// Whether a server that demands `https` refuses the target. A stored target stays allowed.
    pub(crate) fn violates_https(&self, require_https: bool, before: Option<&Webhook>) -> bool {
        let unchanged = before.is_some_and(|webhook| webhook.target == self.target);
        require_https && !unchanged && !self.target.is_https()
    }
}

/// The state of a webhook after it was enabled or disabled by hand.
pub(crate) fn state_after(before: &WebhookState, enabled: bool, now: Timestamp) -> WebhookState {
    match (before, enabled) {
        (_, true) => WebhookState::Enabled,
        (WebhookState::Disabled(disabled), false) => WebhookState::Disabled(*disabled),
        (WebhookState::Enabled, false) => WebhookState::Disabled(Disablement {
            since: now,
            reason: DisableReason::User,
        }),
    }
}

/// What a request does to a webhook.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WriteMode<'a> {
    /// POST.
    Create,
    /// PUT, or a form: fields that are not sent get their defaults.
    Replace(&'a Webhook),
    /// PATCH: fields that are not sent keep their values.
    Update(&'a Webhook),
}

/// The fields of a request, each valid by itself. `None`: not sent.
#[derive(Debug, Default)]
pub(crate) struct WebhookInput {
    /// See [`WebhookFields::enabled`].
    pub(crate) enabled: Option<bool>,
    /// See [`WebhookFields::target`].
    pub(crate) target: Option<TargetUrl>,
    /// Whether every event is meant.
    pub(crate) all_events: Option<bool>,
    /// Only these events are meant.
    pub(crate) limit_events: Option<BTreeSet<EventSlug>>,
    /// See [`WebhookFields::action_types`].
    pub(crate) action_types: Option<Vec<ActionTypeName>>,
    /// See [`WebhookFields::comment`].
    pub(crate) comment: Option<Nullable<String>>,
}

impl WebhookInput {
    /// All fields, those that were not sent filled in.
    ///
    /// # Errors
    /// [`Violation::Required`] and [`Violation::AllAndSomeEvents`], which belong to no field alone.
    pub(crate) fn complete(self, change: WriteMode<'_>) -> Result<WebhookFields, Violation> {
        let stored = match change {
            WriteMode::Create => None,
            WriteMode::Replace(webhook) | WriteMode::Update(webhook) => {
                Some(WebhookFields::of(webhook))
            }
        };
        let kept = stored
            .clone()
            .filter(|_| matches!(change, WriteMode::Update(_)));
        let kept_events = kept.as_ref().map(|kept| &kept.events);
        let events = event_filter(self.all_events, self.limit_events, kept_events)?;
        Ok(WebhookFields {
            enabled: self
                .enabled
                .or(kept.as_ref().map(|kept| kept.enabled))
                .unwrap_or(true),
            target: self
                .target
                .or(kept.as_ref().map(|kept| kept.target.clone()))
                .ok_or(Violation::Required)?,
            events,
            action_types: match (self.action_types, stored) {
                (Some(sent), Some(stored)) => merge(sent, stored.action_types),
                (Some(mut sent), None) => {
                    sent.sort();
                    sent
                }
                (None, stored) => stored.ok_or(Violation::Required)?.action_types,
            },
            comment: match self.comment {
                Some(Nullable(comment)) => comment,
                None => kept.and_then(|kept| kept.comment),
            },
        })
    }
}

/// The violations of any text, in pretix's order.
pub(crate) fn text_violations(text: &str, max: usize) -> Vec<Violation> {
    let mut violations = Vec::new();
    if text.chars().nth(max).is_some() {
        violations.push(Violation::TooLong { max });
    }
    if text.contains('\0') {
        violations.push(Violation::NullCharacter);
    }
    violations
}

/// A trimmed `target_url`.
///
/// # Errors
/// All violations, [`Violation::NotUrl`] last.
pub(crate) fn target_url(text: &str) -> Result<TargetUrl, Vec<Violation>> {
    if text.is_empty() {
        return Err(vec![Violation::Blank]);
    }
    let mut violations = text_violations(text, MAX_TARGET_URL_CHARS);
    match text.parse::<TargetUrl>() {
        Ok(url) if violations.is_empty() => Ok(url),
        Ok(_) => Err(violations),
        Err(_) => {
            violations.push(Violation::NotUrl);
            Err(violations)
        }
    }
}

/// The slugs of `limit_events`, which must belong to events of the organizer.
///
/// # Errors
/// [`Violation::UnknownEvent`] for the first unknown one.
pub(crate) fn limit_events(
    slugs: impl IntoIterator<Item = String>,
    is_known: impl Fn(&str) -> bool,
) -> Result<BTreeSet<EventSlug>, Violation> {
    let check = |slug: String| match slug.parse() {
        Ok(event) if is_known(&slug) => Ok(event),
        _ => Err(Violation::UnknownEvent(slug)),
    };
    slugs.into_iter().map(check).collect()
}

/// The names of `action_types`, which must be selectable in the organizer's catalogue.
///
/// # Errors
/// [`Violation::UnknownActionType`] for the first unknown one.
pub(crate) fn action_types(
    names: impl IntoIterator<Item = String>,
    is_selectable: impl Fn(&str) -> bool,
) -> Result<Vec<ActionTypeName>, Violation> {
    let check = |name: String| match name.parse() {
        Ok(action) if is_selectable(&name) => Ok(action),
        _ => Err(Violation::UnknownActionType(name)),
    };
    names.into_iter().map(check).collect()
}

/// As pretix compares sets: duplicates of the request collapse, stored duplicates stay as long as the name does.
fn merge(sent: Vec<ActionTypeName>, stored: Vec<ActionTypeName>) -> Vec<ActionTypeName> {
    let sent: BTreeSet<_> = sent.into_iter().collect();
    let known: BTreeSet<_> = stored.iter().cloned().collect();
    let mut merged: Vec<_> = stored
        .into_iter()
        .filter(|name| sent.contains(name))
        .collect();
    merged.extend(sent.difference(&known).cloned());
    merged.sort();
    merged
}

/// Joins the two fields; those that were not sent are `kept` or get their defaults.
fn event_filter(
    all_events: Option<bool>,
    limit_events: Option<BTreeSet<EventSlug>>,
    kept: Option<&EventFilter>,
) -> Result<EventFilter, Violation> {
    let (kept_all, kept_limit) = match kept {
        None => (None, BTreeSet::new()),
        Some(EventFilter::All) => (Some(true), BTreeSet::new()),
        Some(EventFilter::Only(slugs)) => (Some(false), slugs.clone()),
    };
    let limit = limit_events.unwrap_or(kept_limit);
    match all_events.or(kept_all).unwrap_or(limit.is_empty()) {
        true if limit.is_empty() => Ok(EventFilter::All),
        true => Err(Violation::AllAndSomeEvents),
        false => Ok(EventFilter::Only(limit)),
    }
}
