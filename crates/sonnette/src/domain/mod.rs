//! Values and decisions: no I/O, no clock, no async.
//!
//! Everything here can be made, compared and tested without a store or a network. What needs the time is given it.

mod action;
mod alert;
mod attempt;
mod delivery;
mod diagnosis;
mod email;
pub(crate) mod fault;
mod id;
mod lane;
mod letter;
mod notification;
mod organizer;
mod pace;
mod retry;
mod secret;
mod session;
mod slug;
mod target_url;
mod times;
mod token;
mod user;
mod webhook;
mod webhook_news;

pub(crate) use action::wildcards_over;
pub use action::{ActionName, InvalidActionName, RegisteredAction};
pub use alert::{Alert, AlertEnd, AlertKind, AlertRules};
pub use attempt::{Attempt, Exchange, Failure, Headers, Outcome};
pub use delivery::{Delivery, DeliveryState, Progress, Settled};
pub use diagnosis::{Diagnosis, Symptoms};
pub use email::{EmailAddress, InvalidEmailAddress};
pub use fault::{Fault, TimeoutStage, TlsFault};
pub use id::{
    AlertId, AttemptId, AuditId, EventId, InvalidId, LetterId, NotificationId, OrganizerId,
    TokenId, UserId, WebhookId,
};
pub use lane::{LaneHealth, Probing, Streak};
pub use letter::{Letter, LetterEnd, LetterKind};
pub use notification::{Audience, BodyDraft, Notification, Shape};
pub use organizer::{DialectName, Event, FailurePolicy, Language, Organizer, UnknownWord};
pub use pace::Pace;
pub use retry::{
    Decision, DeliveryDecision, LIFETIME, Policy, SCHEDULE, Trial, Turn, decide, decide_late,
};
pub use secret::{InvalidSecret, Secret, Secrets, SigningSeed, SigningSeeds};
pub use session::{Holder, Link, LinkPurpose, SecretHash, Session};
pub use slug::{EventSlug, InvalidSlug, OrganizerSlug};
pub use target_url::{InvalidTargetUrl, TargetUrl, Uncallable};
pub use times::Times;
pub use token::{Permission, Permissions, Scope, Token, TokenHash};
pub use user::{Access, User};
pub use webhook::{
    DisableReason, Disabled, EventFilter, ExtraHeader, SignatureScheme, Webhook, WebhookSettings,
    WebhookState,
};
pub use webhook_news::{WebhookChange, WebhookNews};
