//! Registering an action type, and changing one.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::Value;
use sonnette::dialect::FieldErrors;
use sonnette::domain::{ActionName, DialectName, PayloadShape, Permission, RegisteredAction};

use super::one::text_of;
use super::url;
use crate::admin::action_types::{self, LONGEST_DESCRIPTION, Refused};
use crate::dashboard::error::PageError;
use crate::dashboard::faults::Faults;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::posted::Posted;
use crate::dashboard::said;
use crate::dashboard::visitor::Desk;
use crate::dashboard::words::Words;
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
#[template(path = "catalogue/edit.html")]
struct EditPage {
    f: Frame,
    back: String,
    action: String,
    /// Whether it is there already: then its name stays.
    changes: bool,
    /// Whether it is there for every organizer.
    everybodys: bool,
    /// Families of pretix, for those who may register such names: word and name.
    families: Vec<(&'static str, String)>,
    input: Input,
    faults: Faults,
}

impl EditPage {
    fn new(desk: Desk) -> Self {
        let w = desk.frame.w;
        let named = |shape: &PayloadShape| {
            let name = w.t(&format!("catalogue-family-{shape}")).into_owned();
            (shape.as_str(), name)
        };
        let families = PayloadShape::ALL
            .iter()
            .filter(|shape| shape.is_pretix_family());
        Self {
            back: desk.url("/action-types/"),
            action: desk.url("/action-types/new/"),
            changes: false,
            everybodys: false,
            families: if desk.visitor.is_operator() {
                families.map(named).collect()
            } else {
                Vec::new()
            },
            input: Input::default(),
            faults: Faults::default(),
            f: desk.frame,
        }
    }

    fn change(desk: Desk, row: &RegisteredAction) -> Self {
        let back = url(&desk, row.name.as_str());
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
            ..Self::new(desk)
        }
    }

    fn refused(mut self, input: Input, faults: Faults) -> Result<Response, PageError> {
        (self.input, self.faults) = (input, faults);
        let mut response = page(&self)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        Ok(response)
    }
}

/// An empty form.
pub(in crate::dashboard) async fn show_new(
    State(state): State<AppState>,
    desk: Desk,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    page(&EditPage::new(desk))
}

/// Registers what was filled in.
pub(in crate::dashboard) async fn create(
    State(state): State<AppState>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    let w = desk.frame.w;
    let mut faults = Faults::default();
    let input = read(&posted);
    let name: Option<ActionName> = input.name.parse().ok();
    if name.is_none() {
        faults.add("name", w.t("action-type-name-wrong"));
    }
    let shape = match input.family.as_str() {
        "" => PayloadShape::Custom,
        word => word.parse().unwrap_or(PayloadShape::DataStored),
    };
    let (description, schema, example) = rest(w, &posted, &mut faults);
    let Some(name) = name.filter(|_| faults.is_empty()) else {
        return EditPage::new(desk).refused(input, faults);
    };
    let row = RegisteredAction {
        id: 0,
        organizer: Some(desk.organizer()),
        name: name.clone(),
        description,
        schema,
        example,
        shape,
        from_file: false,
    };
    match action_types::create(&state, &desk.author(), &desk.tenant, row).await {
        Ok(()) => Ok(said::go(
            &url(&desk, name.as_str()),
            "action-type-registered",
        )),
        Err(why) => {
            put(w, &name, why, &mut faults)?;
            EditPage::new(desk).refused(input, faults)
        }
    }
}

/// The form of a registered one.
pub(in crate::dashboard) async fn show_change(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let row = own(&state, &desk, &name).await?;
    page(&EditPage::change(desk, &row))
}

/// Changes it to what was filled in.
pub(in crate::dashboard) async fn change(
    State(state): State<AppState>,
    desk: Desk,
    Path((_, name)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, PageError> {
    let mut row = own(&state, &desk, &name).await?;
    let w = desk.frame.w;
    let mut faults = Faults::default();
    (row.description, row.schema, row.example) = rest(w, &posted, &mut faults);
    let to = url(&desk, &name);
    if faults.is_empty() {
        match action_types::change(&state, &desk.author(), row.clone()).await {
            Ok(()) => return Ok(said::go(&to, "action-type-changed")),
            Err(why) => put(w, &row.name, why, &mut faults)?,
        }
    }
    let input = Input {
        name,
        ..read(&posted)
    };
    EditPage::change(desk, &row).refused(input, faults)
}

/// What somebody may change.
pub(super) async fn own(
    state: &AppState,
    desk: &Desk,
    name: &str,
) -> Result<RegisteredAction, PageError> {
    desk.need(state, Permission::Organizer).await?;
    action_types::own(&desk.author(), &desk.tenant, name).map_err(error)
}

/// A refusal that is nobody's typing.
pub(super) fn error(why: Refused) -> PageError {
    match why {
        Refused::Missing => PageError::NotFound,
        Refused::ForOperators | Refused::Forbidden => PageError::Forbidden {
            lacks: None,
            ask: Vec::new(),
        },
        Refused::NotRegistered | Refused::Known | Refused::Wrong(_) => {
            PageError::Conflict("conflict-not-registered")
        }
        Refused::Failed(error) => error.into(),
    }
}

fn read(posted: &Posted) -> Input {
    let text = |field| posted.get(field).to_owned();
    Input {
        name: text("name"),
        family: text("family"),
        description: text("description"),
        schema: text("schema"),
        example: text("example"),
    }
}

fn rest(w: &Words, posted: &Posted, faults: &mut Faults) -> (String, Option<Value>, Option<Value>) {
    let description = faults.text(w, posted, "description", LONGEST_DESCRIPTION);
    let mut json = |field: &'static str| {
        let value = serde_json::from_str(posted.filled(field)?);
        if let Err(error) = &value {
            faults.add(field, w.a("fault-no-json", error));
        }
        value.ok().filter(|value: &Value| !value.is_null())
    };
    let (schema, example) = (json("schema"), json("example"));
    (description, schema, example)
}

/// Puts a refusal beside the field it is about.
fn put(w: &Words, name: &ActionName, why: Refused, faults: &mut Faults) -> Result<(), PageError> {
    match why {
        Refused::ForOperators => faults.add("name", w.t("action-type-for-operators")),
        Refused::Known => faults.add("name", w.a("action-type-known", name)),
        Refused::Wrong(FieldErrors(errors)) => {
            for (path, message) in errors {
                wrong(w, name, &path, &message, faults);
            }
        }
        why => return Err(error(why)),
    }
    Ok(())
}

/// What the dialects say, in the reader's language as far as it is not about the inside of a schema.
fn wrong(w: &Words, name: &ActionName, path: &str, message: &str, faults: &mut Faults) {
    let dialect = name.first_word().parse().unwrap_or(DialectName::Custom);
    match (path, dialect) {
        ("action_type", DialectName::Custom) => {
            faults.add("name", w.t("action-type-no-wildcard"));
        }
        ("action_type", _) => faults.add("name", w.a("action-type-of-dialect", dialect)),
        ("family", DialectName::Pretix) => faults.add("family", w.t("action-type-needs-family")),
        ("family", _) => faults.add("family", w.t("action-type-no-family")),
        ("schema", _) => faults.add("schema", w.a("action-type-schema-wrong", message)),
        (path, _) => {
            let message = format!("{path}: {message}");
            faults.add("example", w.a("action-type-example-wrong", message));
        }
    }
}
