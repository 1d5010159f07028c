//! The catalogue of an organizer, and what is registered in it.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use sonnette::dialect::ActionType;
use sonnette::domain::{ActionName, PayloadShape, RegisteredAction};
use sonnette::engine::OrganizerSnapshot;
use utoipa::ToSchema;

use super::path::Segments;
use crate::admin::action_types::{self, LONGEST_DESCRIPTION, Refused, change, create, own, remove};
use crate::admin::validation::Fields;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::body::Object;
use crate::edge::links::Address;
use crate::rest::error::ApiError;
use crate::rest::lists::{Listing, PageNumber, numbered};
use crate::rest::reply;

/// An action type as the organizer knows it.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActionTypeJson {
    /// Its name.
    #[schema(example = "pretix.event.order.placed")]
    id: String,
    /// Its name; perhaps a wildcard.
    #[schema(example = "pretix.event.order.placed")]
    action_type: String,
    /// `pretix`, `tibillet`, `creads` or `custom`.
    #[schema(example = "pretix")]
    dialect: &'static str,
    /// What pretix's form calls it.
    #[schema(example = "New order placed")]
    label: Option<&'static str>,
    /// When it is published.
    #[schema(example = "An order was created.")]
    description: String,
    /// JSON Schema of its input, the `data` of a publication.
    #[schema(value_type = Object)]
    schema: Value,
    /// An input that fits.
    #[schema(value_type = Object, example = json!({"code": "ABC23"}))]
    example: Value,
    /// How its body is made; for pretix names: which keys it has.
    #[schema(example = "order")]
    family: &'static str,
    /// Whether somebody registered it, and it can be changed.
    #[schema(example = false)]
    registered: bool,
}

/// What is sent to register an action type. To change one, each may be left out; `action_type` and `family` stay.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct ActionTypeBody {
    /// A dotted lower-case name whose first word is not `tibillet` or `creads`; with `pretix` operators only.
    #[schema(example = "membership.renewed")]
    action_type: String,
    /// When it is published.
    #[schema(example = "A membership was renewed.")]
    description: Option<String>,
    /// JSON Schema (draft 2020-12) of the input; without one any object passes.
    #[schema(value_type = Option<Object>, example = json!({"type": "object", "required": ["number"]}))]
    schema: Option<Value>,
    /// An input that fits the schema.
    #[schema(value_type = Option<Object>, example = json!({"number": 4711}))]
    example: Option<Value>,
    /// For pretix names: which keys the body has.
    #[schema(example = json!(null))]
    family: Option<String>,
}

fn shown(tenant: &OrganizerSnapshot, spec: &ActionType) -> ActionTypeJson {
    ActionTypeJson {
        id: spec.name.to_string(),
        action_type: spec.name.to_string(),
        dialect: spec.dialect.as_str(),
        label: spec.label,
        description: spec.description.clone(),
        schema: spec.schema.clone(),
        example: spec.example.clone(),
        family: spec.shape.as_str(),
        registered: tenant
            .catalogue
            .registered()
            .any(|registered| registered.name == spec.name),
    }
}

fn spec<'a>(tenant: &'a OrganizerSnapshot, name: &str) -> Result<&'a ActionType, ApiError> {
    action_types::spec(tenant, name).ok_or_else(|| ApiError::no_such("ActionType"))
}

/// List action types
///
/// The whole catalogue: those of the organizer's dialects and those registered.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/action_types/",
    params(PageNumber),
    responses((status = 200, description = "One page.", body = Listing<ActionTypeJson>))
)]
pub(crate) async fn list_action_types(
    caller: Caller,
    address: Address,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant()?;
    numbered(
        &address,
        tenant
            .catalogue
            .iter()
            .map(|spec| shown(tenant, spec))
            .collect(),
    )
}

/// Get an action type
///
/// With its schema and an example.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/action_types/{name}/",
    responses((status = 200, description = "The action type.", body = ActionTypeJson))
)]
pub(crate) async fn get_action_type(
    caller: Caller,
    Segments((_, name)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant()?;
    Ok(reply::ok(&shown(tenant, spec(tenant, &name)?)))
}

/// Register an action type
///
/// From now on it can be published, and webhooks can hear it. Names that begin with `pretix` are for operators, and
/// need a `family`.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/action_types/",
    request_body = ActionTypeBody,
    responses(
        (status = 201, description = "The new action type.", body = ActionTypeJson),
        (status = 409, description = "The name is known.", example = json!({"detail": "The action type \"membership.renewed\" is known already."})),
    )
)]
pub(crate) async fn create_action_type(
    State(state): State<AppState>,
    caller: Caller,
    Object(members): Object,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant()?;
    let mut fields = Fields::new(members);
    let name: Option<ActionName> = fields.required("action_type", Fields::parsed);
    let description = fields
        .text("description", LONGEST_DESCRIPTION)
        .unwrap_or_default();
    let schema = fields.take("schema").filter(|schema| !schema.is_null());
    let example = fields.take("example").filter(|example| !example.is_null());
    let shape = read_family(&mut fields);
    fields.refuse_the_rest();
    fields.finish()?;
    let name = Fields::demand(name)?;
    let organizer = Some(tenant.organizer.id);
    let row = RegisteredAction {
        id: 0,
        organizer,
        name: name.clone(),
        description,
        schema,
        example,
        shape,
        from_file: false,
    };
    create(&state, &caller.author(), tenant, row)
        .await
        .map_err(|why| refused(name.as_str(), why))?;
    answer(&state, &caller, &name, StatusCode::CREATED).await
}

fn read_family(fields: &mut Fields) -> PayloadShape {
    match fields.take("family") {
        None | Some(Value::Null) => PayloadShape::Custom,
        Some(value) => {
            let family = value.as_str().and_then(|word| word.parse().ok());
            family.unwrap_or_else(|| {
                fields.refuse("family", format!("{value} is not a valid choice."));
                PayloadShape::Custom
            })
        }
    }
}

/// Change an action type
///
/// Only the fields sent change. What is published already stays as it is.
#[utoipa::path(
    patch,
    path = "/organizers/{organizer}/action_types/{name}/",
    request_body = ActionTypeBody,
    responses((status = 200, description = "The action type as it is now.", body = ActionTypeJson))
)]
pub(crate) async fn change_action_type(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, name)): Segments<(String, String)>,
    Object(members): Object,
) -> Result<Response, ApiError> {
    let mut row =
        own(&caller.author(), caller.tenant()?, &name).map_err(|why| refused(&name, why))?;
    let mut fields = Fields::new(members);
    if fields
        .take("action_type")
        .is_some_and(|given| given != row.name.as_str())
    {
        fields.refuse("action_type", "The name cannot be changed.");
    }
    if fields
        .take("family")
        .is_some_and(|given| !given.is_null() && given != row.shape.as_str())
    {
        fields.refuse("family", "The family cannot be changed.");
    }
    if let Some(description) = fields.text("description", LONGEST_DESCRIPTION) {
        row.description = description;
    }
    if let Some(schema) = fields.take("schema") {
        row.schema = Some(schema).filter(|schema| !schema.is_null());
    }
    if let Some(example) = fields.take("example") {
        row.example = Some(example).filter(|example| !example.is_null());
    }
    fields.finish()?;
    let name = row.name.clone();
    change(&state, &caller.author(), row)
        .await
        .map_err(|why| refused(name.as_str(), why))?;
    answer(&state, &caller, &name, StatusCode::OK).await
}

/// Remove an action type
///
/// It can no longer be published. What is published already is delivered all the same.
#[utoipa::path(
    delete,
    path = "/organizers/{organizer}/action_types/{name}/",
    responses((status = 204, description = "It is gone."))
)]
pub(crate) async fn delete_action_type(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, name)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let author = caller.author();
    let row = own(&author, caller.tenant()?, &name).map_err(|why| refused(&name, why))?;
    remove(&state, &author, row)
        .await
        .map_err(|why| refused(&name, why))?;
    Ok(reply::no_content())
}

fn refused(name: &str, refused: Refused) -> ApiError {
    match refused {
        Refused::Missing => ApiError::no_such("ActionType"),
        Refused::ForOperators => ApiError::field(
            "action_type",
            "Only operators register names that begin with pretix.",
        ),
        Refused::Forbidden => ApiError::forbidden(),
        Refused::NotRegistered => ApiError::conflict(
            "This action type was not registered for the organizer: it stays as it is.",
        ),
        Refused::Known => {
            ApiError::conflict(format!("The action type \"{name}\" is known already."))
        }
        Refused::Wrong(errors) => errors.into(),
        Refused::Failed(error) => error,
    }
}

/// The action type as the registry has it now.
async fn answer(
    state: &AppState,
    caller: &Caller,
    name: &ActionName,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let registry = state.refresh().await?;
    let tenant = registry
        .organizer_by_id(caller.tenant()?.organizer.id)
        .ok_or_else(ApiError::forbidden)?;
    Ok(reply::json(
        status,
        &shown(&tenant, spec(&tenant, name.as_str())?),
    ))
}
