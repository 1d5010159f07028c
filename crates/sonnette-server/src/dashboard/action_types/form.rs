//! The form that registers an action type or changes a registered one.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use sonnette::dialect::FieldErrors;
use sonnette::domain::{
    ActionTypeName, DialectName, PayloadShape, Permission, RegisteredActionType,
};

use super::lookup::url;
use super::show::json_text;
use crate::admin::action_types::{self, ActionTypeError, MAX_DESCRIPTION_CHARS};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::form_errors::FormErrors;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::texts::Texts;
use crate::edge::AppState;

/// The values of the form as the user typed them.
#[derive(Default)]
struct Input {
    name: String,
    family: String,
    description: String,
    schema: String,
    example: String,
}

#[derive(Template)]
#[template(path = "action_types/form.html")]
struct FormTemplate {
    layout: Layout,
    back: String,
    action: String,
    /// Whether the action type is stored already; then its name cannot be changed.
    is_stored: bool,
    /// Whether it is registered for all organizers.
    is_global: bool,
    /// Words and names of the families of pretix, for operators.
    families: Vec<(&'static str, String)>,
    input: Input,
    errors: FormErrors,
}

impl FormTemplate {
    fn new(page: OrganizerPage) -> Self {
        let texts = page.layout.texts;
        let choice = |shape: &PayloadShape| {
            let name = texts.get(&format!("catalogue-family-{shape}")).into_owned();
            (shape.as_str(), name)
        };
        let families = PayloadShape::ALL
            .iter()
            .filter(|shape| shape.is_pretix_family());
        Self {
            back: page.url("/action-types/"),
            action: page.url("/action-types/new/"),
            is_stored: false,
            is_global: false,
            families: if page.current_user.is_operator() {
                families.map(choice).collect()
            } else {
                Vec::new()
            },
            input: Input::default(),
            errors: FormErrors::default(),
            layout: page.layout,
        }
    }

    fn for_stored(page: OrganizerPage, row: &RegisteredActionType) -> Self {
        let back = url(&page, row.name.as_str());
        Self {
            action: format!("{back}edit/"),
            back,
            is_stored: true,
            is_global: row.organizer.is_none(),
            families: Vec::new(),
            input: Input {
                name: row.name.to_string(),
                family: row.shape.to_string(),
                description: row.description.clone(),
                schema: json_text(row.schema.as_ref()),
                example: json_text(row.example.as_ref()),
            },
            ..Self::new(page)
        }
    }

    fn render_errors(mut self, input: Input, errors: FormErrors) -> Result<Response, PageError> {
        (self.input, self.errors) = (input, errors);
        let mut response = render(&self)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        Ok(response)
    }
}

/// Shows an empty form.
pub(crate) async fn show_new(
    State(state): State<AppState>,
    page: OrganizerPage,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    render(&FormTemplate::new(page))
}

/// Registers an action type.
pub(crate) async fn create(
    State(state): State<AppState>,
    page: OrganizerPage,
    form: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let texts = page.layout.texts;
    let mut errors = FormErrors::default();
    let input = read_input(&form);
    let name: Option<ActionTypeName> = input.name.parse().ok();
    if name.is_none() {
        errors.add("name", texts.get("action-type-name-invalid"));
    }
    let shape = match input.family.as_str() {
        "" => PayloadShape::Custom,
        word => word.parse().unwrap_or(PayloadShape::DataStored),
    };
    let (description, schema, example) = parse_fields(texts, &form, &mut errors);
    let Some(name) = name.filter(|_| errors.is_empty()) else {
        return FormTemplate::new(page).render_errors(input, errors);
    };
    let row = RegisteredActionType {
        id: 0,
        organizer: Some(page.organizer_id()),
        name: name.clone(),
        description,
        schema,
        example,
        shape,
        from_file: false,
    };
    let (author, organizer) = (page.author(), page.organizer.clone());
    let created = state
        .change(move |store, now| action_types::create(store, &author, &organizer, &row, now))
        .await?;
    match created {
        Ok(()) => Ok(flash::redirect(
            &url(&page, name.as_str()),
            "action-type-registered",
        )),
        Err(error) => {
            add_error(texts, &name, error, &mut errors)?;
            FormTemplate::new(page).render_errors(input, errors)
        }
    }
}

/// Shows the form of a registered action type.
pub(crate) async fn show_change(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let row = load_changeable(&state, &page, &name).await?;
    render(&FormTemplate::for_stored(page, &row))
}

/// Changes a registered action type.
pub(crate) async fn change(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, name)): Path<(String, String)>,
    form: FormData,
) -> Result<Response, PageError> {
    let mut row = load_changeable(&state, &page, &name).await?;
    let texts = page.layout.texts;
    let mut errors = FormErrors::default();
    (row.description, row.schema, row.example) = parse_fields(texts, &form, &mut errors);
    let (to, action_name) = (url(&page, &name), row.name.clone());
    if errors.is_empty() {
        let (author, organizer, row) = (page.author(), page.organizer.clone(), row.clone());
        let changed = state
            .change(move |store, now| action_types::change(store, &author, &organizer, &row, now))
            .await?;
        match changed {
            Ok(()) => return Ok(flash::redirect(&to, "action-type-changed")),
            Err(error) => add_error(texts, &action_name, error, &mut errors)?,
        }
    }
    let input = Input {
        name,
        ..read_input(&form)
    };
    FormTemplate::for_stored(page, &row).render_errors(input, errors)
}

/// A registered action type that the user may change.
pub(super) async fn load_changeable(
    state: &AppState,
    page: &OrganizerPage,
    name: &str,
) -> Result<RegisteredActionType, PageError> {
    page.require(state, Permission::Organizer).await?;
    action_types::find_changeable(&page.author(), &page.organizer, name).map_err(page_error)
}

/// An error that is about no field of the form.
pub(super) fn page_error(error: ActionTypeError) -> PageError {
    match error {
        ActionTypeError::NotFound => PageError::NotFound,
        ActionTypeError::PretixName | ActionTypeError::Forbidden => PageError::Forbidden {
            permission: None,
            contacts: Vec::new(),
        },
        ActionTypeError::NotRegistered
        | ActionTypeError::NameTaken
        | ActionTypeError::DialectOff(_)
        | ActionTypeError::Invalid(_) => PageError::Conflict("conflict-not-registered"),
        ActionTypeError::Other(error) => error.into(),
    }
}

fn read_input(form: &FormData) -> Input {
    let text = |field| form.get(field).to_owned();
    Input {
        name: text("name"),
        family: text("family"),
        description: text("description"),
        schema: text("schema"),
        example: text("example"),
    }
}

fn parse_fields(
    texts: &Texts,
    form: &FormData,
    errors: &mut FormErrors,
) -> (String, Option<Value>, Option<Value>) {
    let description = errors.text(texts, form, "description", MAX_DESCRIPTION_CHARS);
    let mut json = |field: &'static str| {
        let value = serde_json::from_str(form.get_non_empty(field)?);
        if let Err(error) = &value {
            errors.add(field, texts.get_with("field-error-json", error));
        }
        value.ok().filter(|value: &Value| !value.is_null())
    };
    let (schema, example) = (json("schema"), json("example"));
    (description, schema, example)
}

/// Adds an error to the field that it is about.
fn add_error(
    texts: &Texts,
    name: &ActionTypeName,
    error: ActionTypeError,
    errors: &mut FormErrors,
) -> Result<(), PageError> {
    match error {
        ActionTypeError::PretixName => errors.add("name", texts.get("action-type-for-operators")),
        ActionTypeError::NameTaken => {
            errors.add("name", texts.get_with("action-type-known", name));
        }
        ActionTypeError::DialectOff(dialect) => {
            errors.add(
                "name",
                texts.get_with("form-error-action-type-dialect", dialect),
            );
        }
        ActionTypeError::Invalid(FieldErrors(violations)) => {
            for (path, message) in violations {
                add_violation(texts, name, &path, &message, errors);
            }
        }
        error => return Err(page_error(error)),
    }
    Ok(())
}

/// Adds a violation of the rules of a dialect. The details of a schema are in English.
fn add_violation(
    texts: &Texts,
    name: &ActionTypeName,
    path: &str,
    message: &str,
    errors: &mut FormErrors,
) {
    let dialect = name.first_word().parse().unwrap_or(DialectName::Custom);
    match (path, dialect) {
        ("action_type", DialectName::Custom) if name.is_wildcard() => {
            errors.add("name", texts.get("action-type-no-wildcard"));
        }
        // The limit of action types.
        ("action_type", DialectName::Custom | DialectName::Pretix) => {
            errors.add("name", message.to_owned());
        }
        ("action_type", _) => errors.add("name", texts.get_with("action-type-of-dialect", dialect)),
        ("family", DialectName::Pretix) => {
            errors.add("family", texts.get("action-type-needs-family"));
        }
        ("family", _) => errors.add("family", texts.get("action-type-no-family")),
        ("schema", _) => errors.add(
            "schema",
            texts.get_with("action-type-schema-invalid", message),
        ),
        (path, _) => {
            let message = format!("{path}: {message}");
            errors.add(
                "example",
                texts.get_with("action-type-example-invalid", message),
            );
        }
    }
}
