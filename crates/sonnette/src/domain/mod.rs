//! Values and decisions: no I/O, no clock, no async.
//!
//! All of it can be made, compared and tested without a store or a network. Functions that need the time take an instant.

mod account_email;
mod action_type_name;
mod adaptive_concurrency;
mod alert;
mod attempt;
pub(crate) mod custom_body;
mod decision;
mod delivery;
mod diagnosis;
mod email_address;
mod id;
mod installation;
mod lane_health;
mod latency_histogram;
mod notification;
mod organizer;
mod outage;
mod pending_webhook_change;
mod refused_action_type;
mod registered_action_type;
mod secret;
mod send_failure;
mod session;
mod slug;
mod string_enum;
mod target_url;
mod time;
mod token;
mod trusted_time;
mod user;
mod utc_date_time;
mod webhook;

pub use account_email::{AccountEmail, AccountEmailKind, AccountEmailResult};
pub(crate) use action_type_name::matching_wildcards;
pub use action_type_name::{ActionTypeName, InvalidActionTypeName};
pub use adaptive_concurrency::AdaptiveConcurrency;
pub use alert::{Alert, AlertKind, AlertResult, AlertRules, MAX_MAIL_RETRY_DELAY};
pub use attempt::{Attempt, AttemptFailure, Headers, HttpExchange, Outcome};
pub use decision::{
    AttemptKind, Decision, DecisionPolicy, DeliveryDecision, FinishedAttempt, RETRY_DELAYS, decide,
    decide_stale,
};
pub use delivery::{
    DELIVERY_LIFETIME, Delivery, DeliveryProgress, DeliveryState, SettlementKind, SettlementReason,
};
pub use diagnosis::{Diagnosis, DiagnosisInput};
pub use email_address::{EmailAddress, InvalidEmailAddress};
pub use id::{
    AccountEmailId, AlertId, AttemptId, AuditId, EventId, InvalidId, NotificationId, OrganizerId,
    TokenId, UserId, WebhookId,
};
pub(crate) use installation::base_36;
pub use installation::{Installation, Installations};
pub use lane_health::{FailureStreak, LaneHealth, ProbeSchedule};
pub use latency_histogram::LatencyHistogram;
pub use notification::{Audience, BodyTemplate, Notification, PayloadShape};
pub use organizer::{DialectName, Event, FailurePolicy, Language, Organizer};
pub use outage::HostCounts;
pub use pending_webhook_change::{PendingWebhookChange, WebhookChange};
pub use refused_action_type::{RefusedActionType, RefusedActionTypes};
pub use registered_action_type::RegisteredActionType;
pub use secret::{InvalidSecret, Secret, Secrets, SigningSeed, SigningSeeds};
pub use send_failure::{FailureKind, SendFailure, TimeoutStage, TlsFailure};
pub use session::{AccessLink, AccessLinkPurpose, Session, SessionOwner, SessionTokenHash};
pub use slug::{EventSlug, InvalidSlug, OrganizerSlug};
pub use string_enum::InvalidChoice;
pub use target_url::{InvalidTargetUrl, TargetUrl, UnsupportedTarget};
pub use time::saturating_add;
pub use token::{Permission, Permissions, Scope, Token, TokenHash};
pub use trusted_time::{ClockReading, TrustedTime};
pub use user::{User, UserAccess};
pub use utc_date_time::{NotUtcDateTime, UtcDateTime};
pub use webhook::{
    DisableReason, Disablement, EventFilter, ExtraHeader, SignatureScheme, Webhook,
    WebhookSettings, WebhookState,
};
