//! Organizers. Operators create them; those with the permission `organizer` change their own.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::Value;
use sonnette::domain::{FailurePolicy, Organizer, OrganizerSlug};
use utoipa::ToSchema;

use crate::admin::error::AdminError;
use crate::admin::organizers::{self, OrganizerPatch, failure_policy_json};
use crate::admin::validation::{MAX_NAME_CHARS, Nullable, Violation};
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::links::RequestUrl;
use crate::edge::response;
use crate::rest::fields::Fields;
use crate::rest::json_body::JsonObject;
use crate::rest::pagination::{ListJson, PageNumber, page_of_all};

/// A tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct OrganizerJson {
    /// Assigned by the server.
    #[schema(example = 1, read_only)]
    id: i64,
    /// Used in URLs and bodies; it never changes.
    #[schema(example = "acmecorp")]
    slug: String,
    /// Shown to people.
    #[schema(example = "ACME Corporation")]
    name: String,
    /// Sent by dialects that have one.
    #[schema(example = "2c1d3f9e-2f5a-4b57-9d0e-6f3a6ad2a1b7", read_only)]
    uuid: String,
    /// The language of labels and mails: `en` or `fr`.
    #[schema(example = "en")]
    language: &'static str,
    /// The emitters whose action types can be published: `pretix`, `tibillet`, `creads`, `custom`.
    #[schema(example = json!(["pretix", "custom"]))]
    dialects: Vec<&'static str>,
    /// Who gets mail when a webhook without contacts of its own is disabled.
    #[schema(example = json!(["ops@example.org"]))]
    contact_emails: Vec<String>,
    /// When a webhook that keeps failing is disabled: the organizer's policy, or the default of its dialects. The default
    /// is never with `pretix` and without `tibillet` and `creads`, and 20 failures over an hour for all others.
    #[schema(value_type = PolicyJson)]
    failure_policy: Value,
}

/// When a webhook that keeps failing is disabled.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes a value; it is written by `failure_policy_json`"
)]
pub(crate) struct PolicyJson {
    /// Null: only a response 410 disables it.
    disable_after: Option<DisableAfter>,
}

/// Consecutive failed attempts over a minimum time.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes a value; it is written by `failure_policy_json`"
)]
pub(crate) struct DisableAfter {
    /// Consecutive failed attempts.
    #[schema(example = 20, minimum = 1)]
    failures: u32,
    /// The time from the first to the last of them.
    #[schema(example = 3600, minimum = 0)]
    seconds: u32,
}

/// The body that creates an organizer. To change one, every field is optional, and `slug` cannot change.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct OrganizerBody {
    /// `[A-Za-z0-9][A-Za-z0-9.-]{0,49}`; it never changes.
    #[schema(example = "acmecorp")]
    slug: String,
    /// Shown to people; by default the slug.
    #[schema(example = "ACME Corporation")]
    name: Option<String>,
    /// The identity on the platform; by default random.
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

fn organizer_json(organizer: &Organizer) -> OrganizerJson {
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
        failure_policy: failure_policy_json(organizer.effective_failure_policy()),
    }
}

fn failure_policy_of(value: &Value) -> Option<Nullable<FailurePolicy>> {
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

fn read_patch(fields: &mut Fields) -> OrganizerPatch {
    let failure_policy = fields.take("failure_policy").and_then(|value| {
        let policy = failure_policy_of(&value);
        if policy.is_none() {
            let expected = "Expected null, {\"disable_after\": null} or \
                    {\"disable_after\": {\"failures\": 20, \"seconds\": 3600}}.";
            fields.add_error("failure_policy", expected);
        }
        policy
    });
    let dialects = fields.choices("dialects");
    if dialects.as_ref().is_some_and(Vec::is_empty) {
        fields.check::<()>("dialects", Err(Violation::EmptyList));
    }
    OrganizerPatch {
        name: fields.single_line("name", MAX_NAME_CHARS),
        uuid: fields.uuid("uuid"),
        language: fields.parsed("language"),
        dialects,
        contact_emails: fields.contact_emails("contact_emails"),
        failure_policy,
    }
}

/// List organizers
///
/// The organizers of the token.
#[utoipa::path(
    get,
    path = "/organizers/",
    params(PageNumber),
    responses((status = 200, description = "One page.", body = ListJson<OrganizerJson>))
)]
pub(crate) async fn list_organizers(caller: Caller, url: RequestUrl) -> Result<Response, ApiError> {
    let reached = caller
        .registry
        .organizers()
        .filter(|organizer| caller.token.scope.can_view(organizer.organizer.id));
    // The registry lists organizers by their ids.
    page_of_all(
        &url,
        reached
            .map(|organizer| organizer_json(&organizer.organizer))
            .collect(),
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
    JsonObject(members): JsonObject,
) -> Result<Response, ApiError> {
    let mut fields = Fields::new(members);
    let slug: Option<OrganizerSlug> = fields.required("slug", Fields::parsed);
    let patch = read_patch(&mut fields);
    fields.finish()?;
    let slug = Fields::unwrap_required(slug)?;
    let author = caller.author();
    let taken_slug = slug.clone();
    let created = state
        .change(move |store, now| organizers::create(store, &author, slug, &patch, now))
        .await?;
    match created {
        Ok(organizer) => Ok(response::json(
            StatusCode::CREATED,
            &organizer_json(&organizer),
        )),
        Err(AdminError::Taken)
            if state
                .sonnette
                .registry()
                .organizer(taken_slug.as_str())
                .is_none() =>
        {
            Err(uuid_taken())
        }
        Err(AdminError::Taken) => Err(ApiError::field(
            "slug",
            "An organizer with this slug already exists.",
        )),
        Err(error) => Err(error.into()),
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
    Ok(response::ok(&organizer_json(
        &caller.organizer()?.organizer,
    )))
}

/// Change an organizer
///
/// Only the fields that are sent change. The slug never changes.
#[utoipa::path(
    patch,
    path = "/organizers/{organizer}/",
    request_body = OrganizerBody,
    responses((status = 200, description = "The organizer as it is now.", body = OrganizerJson))
)]
pub(crate) async fn change_organizer(
    State(state): State<AppState>,
    caller: Caller,
    JsonObject(members): JsonObject,
) -> Result<Response, ApiError> {
    let before = &caller.organizer()?.organizer;
    let id = before.id;
    let data = Value::Object(members.clone());
    let mut fields = Fields::new(members);
    fields.require_unchanged("slug", before.slug.as_str(), "The slug cannot be changed.");
    let patch = read_patch(&mut fields);
    fields.finish()?;
    let author = caller.author();
    let changed = state
        .change(move |store, now| organizers::change(store, &author, id, &patch, data, now))
        .await?;
    match changed {
        Ok(organizer) => Ok(response::ok(&organizer_json(&organizer))),
        Err(AdminError::NotFound) => Err(ApiError::forbidden()),
        Err(AdminError::Taken) => Err(uuid_taken()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn failure_policies_are_read_as_they_are_written() {
        for policy in [FailurePolicy::Never, FailurePolicy::TWENTY_IN_AN_HOUR] {
            assert_eq!(
                failure_policy_of(&failure_policy_json(policy)),
                Some(Nullable(Some(policy)))
            );
        }
        assert_eq!(failure_policy_of(&Value::Null), Some(Nullable(None)));
        for wrong in [
            json!({}),
            json!(3),
            json!({"disable_after": {"failures": 0, "seconds": 1}}),
            json!({"disable_after": {"failures": 1}}),
            json!({"disable_after": {"failures": 1, "seconds": -1}}),
            json!({"disable_after": null, "more": 1}),
        ] {
            assert_eq!(failure_policy_of(&wrong), None, "{wrong}");
        }
    }
}
