//! The action types of an organizer, and their registration.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use sonnette::dialect::ActionType;
use sonnette::domain::{ActionTypeName, PayloadShape, RegisteredActionType};
use sonnette::engine::OrganizerSnapshot;
use utoipa::ToSchema;

use super::path_params::PathParams;
use crate::admin::action_types::{self, ActionTypeError, MAX_DESCRIPTION_CHARS};
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::links::RequestUrl;
use crate::edge::response;
use crate::rest::fields::Fields;
use crate::rest::json_body::JsonObject;
use crate::rest::pagination::{ListJson, PageNumber, page_of_all};

/// An action type of the catalogue.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActionTypeJson {
    /// Its name.
    #[schema(example = "pretix.event.order.placed")]
    id: String,
    /// Its name; may end in a wildcard.
    #[schema(example = "pretix.event.order.placed")]
    action_type: String,
    /// `pretix`, `tibillet`, `creads` or `custom`.
    #[schema(example = "pretix")]
    dialect: &'static str,
    /// Its label in pretix's form.
    #[schema(example = "New order placed")]
    label: Option<&'static str>,
    /// When it is published.
    #[schema(example = "An order was created.")]
    description: String,
    /// JSON Schema of its input, the `data` of a publication.
    #[schema(value_type = Object)]
    schema: Value,
    /// An input that is valid.
    #[schema(value_type = Object, example = json!({"code": "ABC23"}))]
    example: Value,
    /// The shape of its body; for pretix names, which keys the body has.
    #[schema(example = "order")]
    family: &'static str,
    /// Whether it was registered, and can be changed.
    #[schema(example = false)]
    registered: bool,
}

/// The body that registers an action type. To change one, every field is optional; `action_type` and `family` cannot
/// change.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct ActionTypeBody {
    /// A dotted lower-case name whose first word is not `tibillet` or `creads`; with `pretix` operators only.
    #[schema(example = "membership.renewed")]
    action_type: String,
    /// When it is published.
    #[schema(example = "A membership was renewed.")]
    description: Option<String>,
    /// JSON Schema (draft 2020-12) of the input; without a schema every object is valid.
    #[schema(value_type = Option<Object>, example = json!({"type": "object", "required": ["number"]}))]
    schema: Option<Value>,
    /// An input that is valid.
    #[schema(value_type = Option<Object>, example = json!({"number": 4711}))]
    example: Option<Value>,
    /// For pretix names, which keys the body has.
    #[schema(example = json!(null))]
    family: Option<String>,
}

fn action_type_json(organizer: &OrganizerSnapshot, catalogue_entry: &ActionType) -> ActionTypeJson {
    ActionTypeJson {
        id: catalogue_entry.name.to_string(),
        action_type: catalogue_entry.name.to_string(),
        dialect: catalogue_entry.dialect.as_str(),
        label: catalogue_entry.label,
        description: catalogue_entry.description.clone(),
        schema: catalogue_entry.schema.clone(),
        example: catalogue_entry.example.clone(),
        family: catalogue_entry.shape.as_str(),
        registered: organizer
            .catalogue
            .registered()
            .any(|registered| registered.name == catalogue_entry.name),
    }
}

fn find<'a>(organizer: &'a OrganizerSnapshot, name: &str) -> Result<&'a ActionType, ApiError> {
    action_types::find(organizer, name).ok_or_else(|| ApiError::no_such("ActionType"))
}

/// List action types
///
/// The whole catalogue: the action types of the organizer's dialects and the registered ones.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/action_types/",
    params(PageNumber),
    responses((status = 200, description = "One page.", body = ListJson<ActionTypeJson>))
)]
pub(crate) async fn list_action_types(
    caller: Caller,
    url: RequestUrl,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?;
    page_of_all(
        &url,
        organizer
            .catalogue
            .iter()
            .map(|catalogue_entry| action_type_json(organizer, catalogue_entry))
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
    PathParams((_, name)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?;
    Ok(response::ok(&action_type_json(
        organizer,
        find(organizer, &name)?,
    )))
}

/// Register an action type
///
/// It can be published, and webhooks can select it. Names that begin with `pretix` are for operators, and need a `family`.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/action_types/",
    request_body = ActionTypeBody,
    responses(
        (status = 201, description = "The new action type.", body = ActionTypeJson),
        (status = 409, description = "The name is taken.", example = json!({"detail": "The action type \"membership.renewed\" is known already."})),
    )
)]
pub(crate) async fn create_action_type(
    State(state): State<AppState>,
    caller: Caller,
    JsonObject(members): JsonObject,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?;
    let mut fields = Fields::new(members);
    let name: Option<ActionTypeName> = fields.required("action_type", Fields::parsed);
    let description = fields
        .text("description", MAX_DESCRIPTION_CHARS)
        .unwrap_or_default();
    let schema = fields.take_non_null("schema");
    let example = fields.take_non_null("example");
    let shape = read_family(&mut fields);
    fields.refuse_unknown();
    fields.finish()?;
    let name = Fields::unwrap_required(name)?;
    let row = RegisteredActionType {
        id: 0,
        organizer: Some(organizer.organizer.id),
        name: name.clone(),
        description,
        schema,
        example,
        shape,
        from_file: false,
    };
    let (author, organizer) = (caller.author(), organizer.clone());
    state
        .change(move |store, now| action_types::create(store, &author, &organizer, &row, now))
        .await?
        .map_err(|error| api_error(name.as_str(), error))?;
    answer(&state, &caller, &name, StatusCode::CREATED).await
}

fn read_family(fields: &mut Fields) -> PayloadShape {
    match fields.take("family") {
        None | Some(Value::Null) => PayloadShape::Custom,
        Some(value) => {
            let shape = value.as_str().and_then(|word| word.parse().ok());
            let is_selectable =
                |shape: &PayloadShape| shape.is_pretix_family() || *shape == PayloadShape::Custom;
            shape.filter(is_selectable).unwrap_or_else(|| {
                let families: Vec<_> = PayloadShape::ALL
                    .iter()
                    .filter(|shape| shape.is_pretix_family())
                    .map(ToString::to_string)
                    .collect();
                let families = families.join(", ");
                let text = format!("{value} is not a valid choice. Choose one of {families}.");
                fields.add_error("family", text);
                PayloadShape::Custom
            })
        }
    }
}

/// Change an action type
///
/// Only the fields that are sent change. Earlier notifications stay as they are.
#[utoipa::path(
    patch,
    path = "/organizers/{organizer}/action_types/{name}/",
    request_body = ActionTypeBody,
    responses((status = 200, description = "The action type as it is now.", body = ActionTypeJson))
)]
pub(crate) async fn change_action_type(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, name)): PathParams<(String, String)>,
    JsonObject(members): JsonObject,
) -> Result<Response, ApiError> {
    let (author, organizer_snapshot) = (caller.author(), caller.organizer()?.clone());
    let mut row = action_types::find_changeable(&author, &organizer_snapshot, &name)
        .map_err(|error| api_error(&name, error))?;
    let mut fields = Fields::new(members);
    fields.require_unchanged(
        "action_type",
        row.name.as_str(),
        "The name cannot be changed.",
    );
    if fields
        .take_non_null("family")
        .is_some_and(|sent| sent != row.shape.as_str())
    {
        fields.add_error("family", "The family cannot be changed.");
    }
    if let Some(description) = fields.text("description", MAX_DESCRIPTION_CHARS) {
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
    state
        .change(move |store, now| {
            action_types::change(store, &author, &organizer_snapshot, &row, now)
        })
        .await?
        .map_err(|error| api_error(name.as_str(), error))?;
    answer(&state, &caller, &name, StatusCode::OK).await
}

/// Remove an action type
///
/// It can no longer be published. Earlier notifications are still delivered.
#[utoipa::path(
    delete,
    path = "/organizers/{organizer}/action_types/{name}/",
    responses((status = 204, description = "It is removed."))
)]
pub(crate) async fn delete_action_type(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, name)): PathParams<(String, String)>,
) -> Result<Response, ApiError> {
    let author = caller.author();
    let row = action_types::find_changeable(&author, caller.organizer()?, &name)
        .map_err(|error| api_error(&name, error))?;
    state
        .change(move |store, now| action_types::delete(store, &author, &row, now))
        .await?
        .map_err(|error| api_error(&name, error))?;
    Ok(response::no_content())
}

fn api_error(name: &str, error: ActionTypeError) -> ApiError {
    match error {
        ActionTypeError::NotFound => ApiError::no_such("ActionType"),
        ActionTypeError::PretixName => ApiError::field(
            "action_type",
            "Only operators register names that begin with pretix.",
        ),
        ActionTypeError::Forbidden => ApiError::forbidden(),
        ActionTypeError::NotRegistered => ApiError::conflict(
            "This action type was not registered for the organizer: it stays as it is.",
        ),
        ActionTypeError::NameTaken => {
            ApiError::conflict(format!("The action type \"{name}\" is known already."))
        }
        ActionTypeError::DialectOff(dialect) => ApiError::field(
            "action_type",
            format!(
                "The dialect {dialect} is off for this organizer; an operator adds it to its dialects."
            ),
        ),
        ActionTypeError::Invalid(errors) => errors.into(),
        ActionTypeError::Other(error) => error.into(),
    }
}

/// The action type as the registry has it now.
async fn answer(
    state: &AppState,
    caller: &Caller,
    name: &ActionTypeName,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let registry = state.refresh().await?;
    let organizer = registry
        .organizer_by_id(caller.organizer()?.organizer.id)
        .ok_or_else(ApiError::forbidden)?;
    Ok(response::json(
        status,
        &action_type_json(&organizer, find(&organizer, name.as_str())?),
    ))
}
