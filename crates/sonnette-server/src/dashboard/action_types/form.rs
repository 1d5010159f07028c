//! Registering an action type, and changing one.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use sonnette::dialect::FieldErrors;
use sonnette::domain::{ActionName, DialectName, PayloadShape, Permission, RegisteredAction};

use super::lookup::url;
use super::show::text_of;
use crate::admin::action_types::{self, ActionTypeError, MAX_DESCRIPTION_CHARS};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::form_errors::FormErrors;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::texts::Texts;
use crate::edge::AppState;

/// The form as it is filled in.
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
struct EditTemplate {
    layout: Layout,
    back: String,
    action: String,
    /// Whether it is there already: then its name stays.
    changes: bool,
    /// Whether it is there for every organizer.
    everybodys: bool,
    /// Families of pretix, for those who may register such names: word and name.
    families: Vec<(&'static str, String)>,
    input: Input,
    errors: FormErrors,
}

impl EditTemplate {
    fn new(page: OrganizerPage) -> Self {
        let texts = page.layout.texts;
        let named = |shape: &PayloadShape| {
            let name = texts.get(&format!("catalogue-family-{shape}")).into_owned();
            (shape.as_str(), name)
        };
        let families = PayloadShape::ALL.iter().filter(|shape| shape.is_family());
        Self {
            back: page.url("/action-types/"),
            action: page.url("/action-types/new/"),
            changes: false,
            everybodys: false,
            families: if page.current_user.is_operator() {
                families.map(named).collect()
            } else {
                Vec::new()
            },
            input: Input::default(),
            errors: FormErrors::default(),
            layout: page.layout,
        }
    }

    fn change(page: OrganizerPage, row: &RegisteredAction) -> Self {
        let back = url(&page, row.name.as_str());
        Self {
            action: format!("{back}edit/"),
            back,
            changes: true,
            everybodys: row.organizer.is_none(),
            families: Vec::new(),
            input: Input {
                name: row.name.to_string(),
                family: row.shape.to_string(),
                description: row.description.clone(),
                schema: text_of(row.schema.as_ref()),
                example: text_of(row.example.as_ref()),
            },
            ..Self::new(page)
        }
    }

    fn refused(mut self, input: Input, errors: FormErrors) -> Result<Response, PageError> {
        (self.input, self.errors) = (input, errors);
        let mut response = render(&self)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        Ok(response)
    }
}

/// An empty form.
pub(crate) async fn show_new(
    State(state): State<AppState>,
    page: OrganizerPage,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    render(&EditTemplate::new(page))
}

/// Registers what was filled in.
pub(crate) async fn create(
    State(state): State<AppState>,
    page: OrganizerPage,
    form: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let texts = page.layout.texts;
    let mut errors = FormErrors::default();
    let input = read(&form);
    let name: Option<ActionName> = input.name.parse().ok();
    if name.is_none() {
        errors.add("name", texts.get("action-type-name-invalid"));
    }
    let shape = match input.family.as_str() {
        "" => PayloadShape::Custom,
        word => word.parse().unwrap_or(PayloadShape::Kept),
    };
    let (description, schema, example) = rest(texts, &form, &mut errors);
    let Some(name) = name.filter(|_| errors.is_empty()) else {
        return EditTemplate::new(page).refused(input, errors);
    };
    let row = RegisteredAction {
        id: 0,
        organizer: Some(page.organizer()),
        name: name.clone(),
        description,
        schema,
        example,
        shape,
        from_file: false,
    };
    let (author, tenant) = (page.author(), page.tenant.clone());
    let created = state
        .change(move |store, now| action_types::create(store, &author, &tenant, &row, now))
        .await?;
    match created {
        Ok(()) => Ok(flash::redirect(
            &url(&page, name.as_str()),
            "action-type-registered",
        )),
        Err(error) => {
            add_error(texts, &name, error, &mut errors)?;
            EditTemplate::new(page).refused(input, errors)
        }
    }
}

/// The form of a registered one.
pub(crate) async fn show_change(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let row = own(&state, &page, &name).await?;
    render(&EditTemplate::change(page, &row))
}

/// Changes it to what was filled in.
pub(crate) async fn change(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, name)): Path<(String, String)>,
    form: FormData,
) -> Result<Response, PageError> {
    let mut row = own(&state, &page, &name).await?;
    let texts = page.layout.texts;
    let mut errors = FormErrors::default();
    (row.description, row.schema, row.example) = rest(texts, &form, &mut errors);
    let (to, action_name) = (url(&page, &name), row.name.clone());
    if errors.is_empty() {
        let (author, row) = (page.author(), row.clone());
        let changed = state
            .change(move |store, now| action_types::change(store, &author, &row, now))
            .await?;
        match changed {
            Ok(()) => return Ok(flash::redirect(&to, "action-type-changed")),
            Err(error) => add_error(texts, &action_name, error, &mut errors)?,
        }
    }
    let input = Input {
        name,
        ..read(&form)
    };
    EditTemplate::change(page, &row).refused(input, errors)
}

/// What somebody may change.
pub(super) async fn own(
    state: &AppState,
    page: &OrganizerPage,
    name: &str,
) -> Result<RegisteredAction, PageError> {
    page.require(state, Permission::Organizer).await?;
    action_types::find_changeable(&page.author(), &page.tenant, name).map_err(page_error)
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
        | ActionTypeError::Invalid(_) => PageError::Conflict("conflict-not-registered"),
        ActionTypeError::Other(error) => error.into(),
    }
}

fn read(form: &FormData) -> Input {
    let text = |field| form.get(field).to_owned();
    Input {
        name: text("name"),
        family: text("family"),
        description: text("description"),
        schema: text("schema"),
        example: text("example"),
    }
}

fn rest(
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
    name: &ActionName,
    error: ActionTypeError,
    errors: &mut FormErrors,
) -> Result<(), PageError> {
    match error {
        ActionTypeError::PretixName => errors.add("name", texts.get("action-type-for-operators")),
        ActionTypeError::NameTaken => {
            errors.add("name", texts.get_with("action-type-known", name));
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
    name: &ActionName,
    path: &str,
    message: &str,
    errors: &mut FormErrors,
) {
    let dialect = name.first_word().parse().unwrap_or(DialectName::Custom);
    match (path, dialect) {
        ("action_type", DialectName::Custom) => {
            errors.add("name", texts.get("action-type-no-wildcard"));
        }
        ("action_type", _) => errors.add("name", texts.get_with("action-type-of-dialect", dialect)),
        ("family", DialectName::Pretix) => {
            errors.add("family", texts.get("action-type-needs-family"))
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
