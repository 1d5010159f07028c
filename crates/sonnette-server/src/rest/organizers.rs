//! Organizers: made by operators, changed by themselves.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::{Value, json};
use sonnette::domain::{
    DialectName, FailurePolicy, Language, Organizer, OrganizerId, OrganizerSlug,
};
use sonnette::store::ChangeResult;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::admin::LONGEST_NAME;
use crate::admin::organizers::{self, Patch, policy_json};
use crate::admin::validation::{Fields, Nullable};
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::body::Object;
use crate::edge::links::Address;
use crate::rest::error::ApiError;
use crate::rest::lists::{Listing, PageNumber, numbered};
use crate::rest::reply;

/// A tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrganizerJson {
    /// Assigned by the server.
    #[schema(example = 1, read_only)]
    id: i64,
    /// Fixed for life: it stands in URLs and bodies.
    #[schema(example = "acmecorp")]
    slug: String,
    /// Shown to people.
    #[schema(example = "ACME Corporation")]
    name: String,
    /// For dialects that send one.
    #[schema(example = "2c1d3f9e-2f5a-4b57-9d0e-6f3a6ad2a1b7", read_only)]
    uuid: String,
    /// Of labels and mails: `en` or `fr`.
    #[schema(example = "en")]
    language: &'static str,
    /// The emitters whose action types it knows: `pretix`, `tibillet`, `creads`, `custom`.
    #[schema(example = json!(["pretix", "custom"]))]
    dialects: Vec<&'static str>,
    /// Who is told when a webhook without contacts of its own is switched off.
    #[schema(example = json!(["ops@example.org"]))]
    contact_emails: Vec<String>,
    /// When a webhook that only fails is switched off: the organizer's own, else the default of its dialects.
    #[schema(value_type = PolicyJson)]
    failure_policy: Value,
}

/// When a webhook that only fails is switched off.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes a value; it is written by `policy_json`"
)]
pub(crate) struct PolicyJson {
    /// Null: only a 410 switches off.
    disable_after: Option<DisableAfter>,
}

/// Failed attempts in a row, none succeeding, over at least some time.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes a value; it is written by `policy_json`"
)]
pub(crate) struct DisableAfter {
    /// Failed attempts in a row.
    #[schema(example = 20, minimum = 1)]
    failures: u32,
    /// From the first of them to the last.
    #[schema(example = 3600, minimum = 0)]
    seconds: u32,
}

/// What is sent to create an organizer. To change one, each may be left out, and `slug` stays as it is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct OrganizerBody {
    /// Fixed for life: `[A-Za-z0-9][A-Za-z0-9.-]{0,49}`.
    #[schema(example = "acmecorp")]
    slug: String,
    /// Shown to people; by default the slug.
    #[schema(example = "ACME Corporation")]
    name: Option<String>,
    /// By which the platform knows it already; by default a random one.
    #[schema(example = "0f05ee39-7592-4058-9684-a42b0c06afab")]
    uuid: Option<String>,
    /// `en` (by default) or `fr`.
    #[schema(example = "en")]
    language: Option<String>,
    /// By default `pretix` and `custom`.
    #[schema(example = json!(["pretix", "custom"]))]
    dialects: Option<Vec<String>>,
    /// E-mail addresses.
    contact_emails: Option<Vec<String>>,
    /// Null: the default of the dialects.
    failure_policy: Option<PolicyJson>,
}

fn shown(organizer: &Organizer) -> OrganizerJson {
    OrganizerJson {
        id: organizer.id.0,
        slug: organizer.slug.to_string(),
        name: organizer.name.clone(),
        uuid: organizer.uuid.to_string(),
        language: organizer.language.as_str(),
        dialects: organizer
            .dialects
            .iter()
            .map(|dialect| dialect.as_str())
            .collect(),
        contact_emails: organizer.contact_emails.clone(),
        failure_policy: policy_json(organizer.effective_failure_policy()),
    }
}

fn read_policy(value: &Value) -> Option<Nullable<FailurePolicy>> {
    if value.is_null() {
        return Some(Nullable(None));
    }
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let after = members.get("disable_after")?;
    if after.is_null() {
        return Some(Nullable(Some(FailurePolicy::Never)));
    }
    let after = after.as_object().filter(|after| after.len() == 2)?;
    let number = |name: &str| u32::try_from(after.get(name)?.as_u64()?).ok();
    let failures = number("failures").filter(|failures| *failures >= 1)?;
    let lasting = SignedDuration::from_secs(number("seconds")?.into());
    Some(Nullable(Some(FailurePolicy::After { failures, lasting })))
}

fn read(fields: &mut Fields) -> Patch {
    let failure_policy = fields.take("failure_policy").and_then(|value| {
        let policy = read_policy(&value);
        if policy.is_none() {
            let expected = "Expected null, {\"disable_after\": null} or \
                    {\"disable_after\": {\"failures\": 20, \"seconds\": 3600}}.";
            fields.refuse("failure_policy", expected);
        }
        policy
    });
    let dialects = fields.words("dialects");
    if dialects.as_ref().is_some_and(Vec::is_empty) {
        fields.refuse("dialects", "This list may not be empty.");
    }
    Patch {
        name: fields.line("name", LONGEST_NAME),
        uuid: fields.uuid("uuid"),
        language: fields.parsed("language"),
        dialects,
        contact_emails: fields.emails("contact_emails"),
        failure_policy,
    }
}

/// List organizers
///
/// Those that the token reaches.
#[utoipa::path(
    get,
    path = "/organizers/",
    params(PageNumber),
    responses((status = 200, description = "One page.", body = Listing<OrganizerJson>))
)]
pub(crate) async fn list_organizers(
    caller: Caller,
    address: Address,
) -> Result<Response, ApiError> {
    let reached = caller
        .registry
        .organizers()
        .filter(|tenant| caller.token.scope.can_view(tenant.organizer.id));
    numbered(
        &address,
        reached.map(|tenant| shown(&tenant.organizer)).collect(),
    )
}

/// Create an organizer
///
/// Operators only.
#[utoipa::path(
    post,
    path = "/organizers/",
    request_body = OrganizerBody,
    responses((status = 201, description = "The new organizer.", body = OrganizerJson))
)]
pub(crate) async fn create_organizer(
    State(state): State<AppState>,
    caller: Caller,
    Object(members): Object,
) -> Result<Response, ApiError> {
    let mut fields = Fields::new(members);
    let slug: Option<OrganizerSlug> = fields.required("slug", Fields::parsed);
    let patch = read(&mut fields);
    fields.finish()?;
    let slug = Fields::demand(slug)?;
    let mut organizer = Organizer {
        id: OrganizerId(0),
        name: slug.to_string(),
        slug,
        uuid: Uuid::new_v4(),
        language: Language::English,
        dialects: vec![DialectName::Pretix, DialectName::Custom],
        contact_emails: Vec::new(),
        failure_policy: None,
    };
    patch.apply(&mut organizer);
    let data = json!(shown(&organizer));
    let note = caller.note("sonnette.organizer.created", data, state.now());
    let slug = organizer.slug.clone();
    let added = state
        .store(move |store| store.add_organizer(&organizer, note))
        .await?;
    let registry = state.refresh().await?;
    match added {
        ChangeResult::Done(organizer) => Ok(reply::json(StatusCode::CREATED, &shown(&organizer))),
        ChangeResult::Taken if registry.organizer(slug.as_str()).is_none() => Err(uuid_taken()),
        ChangeResult::Taken => Err(ApiError::field(
            "slug",
            "An organizer with this slug already exists.",
        )),
        ChangeResult::Missing | ChangeResult::Refused => {
            Err(ApiError::contradiction("an organizer"))
        }
    }
}

fn uuid_taken() -> ApiError {
    ApiError::field("uuid", "An organizer with this uuid already exists.")
}

/// Get an organizer
///
/// The organizer.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/",
    responses((status = 200, description = "The organizer.", body = OrganizerJson))
)]
pub(crate) async fn get_organizer(caller: Caller) -> Result<Response, ApiError> {
    Ok(reply::ok(&shown(&caller.tenant()?.organizer)))
}

/// Change an organizer
///
/// Only the fields sent change. The slug never does.
#[utoipa::path(
    patch,
    path = "/organizers/{organizer}/",
    request_body = OrganizerBody,
    responses((status = 200, description = "The organizer as it is now.", body = OrganizerJson))
)]
pub(crate) async fn change_organizer(
    State(state): State<AppState>,
    caller: Caller,
    Object(members): Object,
) -> Result<Response, ApiError> {
    let before = &caller.tenant()?.organizer;
    let id = before.id;
    let data = Value::Object(members.clone());
    let mut fields = Fields::new(members);
    if fields
        .take("slug")
        .is_some_and(|slug| slug != before.slug.as_str())
    {
        fields.refuse("slug", "The slug cannot be changed.");
    }
    let patch = read(&mut fields);
    fields.finish()?;
    let changed = organizers::change(&state, &caller.author(), id, patch, data).await?;
    match changed {
        ChangeResult::Done(organizer) => Ok(reply::ok(&shown(&organizer))),
        ChangeResult::Missing => Err(ApiError::forbidden()),
        ChangeResult::Taken => Err(uuid_taken()),
        ChangeResult::Refused => Err(ApiError::contradiction("an organizer")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_policies_are_read_as_they_are_written() {
        for policy in [FailurePolicy::Never, FailurePolicy::STRICT] {
            assert_eq!(
                read_policy(&policy_json(policy)),
                Some(Nullable(Some(policy)))
            );
        }
        assert_eq!(read_policy(&Value::Null), Some(Nullable(None)));
        for wrong in [
            json!({}),
            json!(3),
            json!({"disable_after": {"failures": 0, "seconds": 1}}),
            json!({"disable_after": {"failures": 1}}),
            json!({"disable_after": {"failures": 1, "seconds": -1}}),
            json!({"disable_after": null, "more": 1}),
        ] {
            assert_eq!(read_policy(&wrong), None, "{wrong}");
        }
    }
}
