//! Values and decisions: no I/O, no clock, no async.
//!
//! Everything here can be made, compared and tested without a store or a network. What needs the time is given it.

mod account_email;
mod action;
mod alert;
mod attempt;
mod delivery;
mod diagnosis;
mod email;
pub(crate) mod fault;
mod id;
mod lane;
mod latency_histogram;
mod notification;
mod organizer;
mod pace;
mod pending_webhook_change;
mod retry;
mod secret;
mod session;
mod slug;
mod target_url;
mod token;
mod user;
mod webhook;

pub use account_email::{AccountEmail, AccountEmailKind, AccountEmailResult};
pub(crate) use action::wildcards_over;
pub use action::{ActionName, InvalidActionName, RegisteredAction};
pub use alert::{Alert, AlertKind, AlertResult, AlertRules};
pub use attempt::{Attempt, Exchange, Failure, Headers, Outcome};
pub use delivery::{Delivery, DeliveryState, Progress, Settled};
pub use diagnosis::{Diagnosis, DiagnosisInput};
pub use email::{EmailAddress, InvalidEmailAddress};
pub use fault::{Fault, TimeoutStage, TlsFault};
pub use id::{
    AccountEmailId, AlertId, AttemptId, AuditId, EventId, InvalidId, NotificationId, OrganizerId,
    TokenId, UserId, WebhookId,
};
pub use lane::{FailureStreak, LaneHealth, ProbeSchedule};
pub use latency_histogram::LatencyHistogram;
pub use notification::{Audience, BodyTemplate, Notification, PayloadShape};
pub use organizer::{DialectName, Event, FailurePolicy, Language, Organizer, UnknownWord};
pub use pace::AdaptiveConcurrency;
pub use pending_webhook_change::{PendingWebhookChange, WebhookChange};
pub use retry::{
    AttemptKind, Decision, DeliveryDecision, FinishedAttempt, LIFETIME, Policy, SCHEDULE, decide,
    decide_late,
};
pub use secret::{InvalidSecret, Secret, Secrets, SigningSeed, SigningSeeds};
pub use session::{Link, LinkPurpose, SecretHash, Session, SessionOwner};
pub use slug::{EventSlug, InvalidSlug, OrganizerSlug};
pub use target_url::{InvalidTargetUrl, TargetUrl, UnsendableTarget};
pub use token::{Permission, Permissions, Scope, Token, TokenHash};
pub use user::{Access, User};
pub use webhook::{
    DisableReason, Disabled, EventFilter, ExtraHeader, SignatureScheme, Webhook, WebhookSettings,
    WebhookState,
};
