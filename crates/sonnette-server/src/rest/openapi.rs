//! Completes the `OpenAPI` document with what all operations have in common.

use serde_json::{Value, json};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, PathItem, RefOr, Required, Response,
    ResponseBuilder,
};

use crate::edge::access::{Route, RouteTable};

const SECURITY_SCHEME: &str = "Token";

const DESCRIPTION: &str = "Publish what happens, register webhooks, and see what came of every call.\n\n\
    Send `Authorization: Token <token>`. Times are RFC 3339 in UTC. Errors are `{\"detail\": \"…\"}`, or for wrong \
    fields the messages of each: `{\"target_url\": [\"Enter a valid URL.\"]}`.";

/// Name, description, whether it is an integer, and example of each path parameter.
const PATH_PARAMS: [(&str, &str, bool, &str); 8] = [
    ("organizer", "The slug of the organizer.", false, "acmecorp"),
    ("id", "The id.", true, "2"),
    (
        "attempt",
        "The id of the attempt.",
        true,
        "1795284000000000",
    ),
    (
        "delivery",
        "The id of the delivery: that of its notification.",
        true,
        "123455",
    ),
    (
        "notification_id",
        "The id of the notification.",
        true,
        "123455",
    ),
    ("slug", "The slug of the event.", false, "democon"),
    (
        "name",
        "The name of the action type.",
        false,
        "membership.renewed",
    ),
    (
        "subject",
        "The opaque key of the person concerned.",
        false,
        "customer-4711",
    ),
];

/// Adds what all operations have in common.
pub(crate) fn complete(mut document: OpenApi, table: &RouteTable) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Sonnette")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(
            LicenseBuilder::new().name("Apache-2.0 OR MIT").build(),
        ))
        .build();
    let value = ApiKeyValue::with_description("Authorization", "`Token ` and the token.");
    let scheme = SecurityScheme::ApiKey(ApiKey::Header(value));
    document
        .components
        .get_or_insert_default()
        .add_security_scheme(SECURITY_SCHEME, scheme);
    for (template, item) in &mut document.paths.paths {
        let Some(route) = table.get(template) else {
            continue;
        };
        for (method, operation) in operations(item) {
            describe(template, method, operation, route);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("GET", item.get.as_mut()),
        ("POST", item.post.as_mut()),
        ("PUT", item.put.as_mut()),
        ("PATCH", item.patch.as_mut()),
        ("DELETE", item.delete.as_mut()),
        ("OPTIONS", item.options.as_mut()),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.map(|operation| (method, operation)))
}

fn describe(template: &str, method: &str, operation: &mut Operation, route: &Route) {
    operation.tags = Some(vec![tag(template).to_owned()]);
    let query_params = operation.parameters.as_ref().map_or(0, Vec::len);
    let parameters = param_names(template).filter_map(path_param).map(RefOr::T);
    operation
        .parameters
        .get_or_insert_default()
        .splice(0..0, parameters);
    if route.access.is_none() {
        return;
    }
    operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>(
        SECURITY_SCHEME,
        [],
    )]);
    add_common_errors(template, operation);
    if operation.request_body.is_some() {
        let fields = json!({"field": ["This field is required."]});
        add_error(
            operation,
            "400",
            "The messages of each wrong field.",
            fields,
        );
        let long = detail("The request body is longer than 1048576 bytes.");
        add_error(operation, "413", "The body is too long.", long);
        let kind = detail("Unsupported media type \"text/plain\" in request.");
        add_error(operation, "415", "The body is not JSON.", kind);
    } else if method == "GET" && query_params > 0 {
        let example = json!({"since": ["Enter a date and time such as 2026-11-21T18:00:00Z."]});
        add_error(operation, "400", "A filter is not valid.", example);
    }
}

/// The error responses of every route that needs a token.
fn add_common_errors(template: &str, operation: &mut Operation) {
    let nobody = detail("Authentication credentials were not provided.");
    add_error(
        operation,
        "401",
        "The token is missing or not accepted.",
        nobody,
    );
    let forbidden = detail("You do not have permission to perform this action.");
    add_error(
        operation,
        "403",
        "The token lacks the permission, or the organizer does not exist.",
        forbidden,
    );
    if param_names(template).any(|name| name != "organizer") {
        add_error(operation, "404", "It does not exist.", detail("Not found."));
    }
    let accept = detail("Could not satisfy the request Accept header.");
    add_error(operation, "406", "The client does not accept JSON.", accept);
    let broken = detail("Internal server error.");
    add_error(
        operation,
        "500",
        "The server failed; its log has the reason.",
        broken,
    );
    let later = detail("The server cannot do this now. Nothing was changed; please try again.");
    add_error(
        operation,
        "503",
        "The store is not available; try again after `Retry-After` seconds.",
        later,
    );
}

fn detail(text: &str) -> Value {
    json!({ "detail": text })
}

/// Adds an error response, unless the operation describes it itself.
fn add_error(operation: &mut Operation, status: &str, description: &str, example: Value) {
    let responses = &mut operation.responses.responses;
    let response = || RefOr::T(error_response(description, example));
    responses.entry(status.to_owned()).or_insert_with(response);
}

fn error_response(description: &str, example: Value) -> Response {
    let schema = ObjectBuilder::new().schema_type(Type::Object).build();
    let content = ContentBuilder::new()
        .schema(Some(schema))
        .example(Some(example))
        .build();
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content)
        .build()
}

fn param_names(template: &str) -> impl Iterator<Item = &str> {
    template
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn path_param(name: &str) -> Option<Parameter> {
    let (name, description, number, example) =
        PATH_PARAMS.iter().find(|(known, ..)| *known == name)?;
    let kind = if *number { Type::Integer } else { Type::String };
    let example = if *number {
        example
            .parse()
            .map_or(Value::Null, |number: i64| json!(number))
    } else {
        json!(example)
    };
    let parameter = ParameterBuilder::new()
        .name(*name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(*description))
        .schema(Some(ObjectBuilder::new().schema_type(kind).build()))
        .example(Some(example));
    Some(parameter.build())
}

/// The heading of a route in the documentation.
fn tag(template: &str) -> &'static str {
    let Some(rest) = template.strip_prefix("/api/v1/organizers/{organizer}/") else {
        return if template.starts_with("/api/v1/organizers/") {
            "Organizers"
        } else {
            "Server"
        };
    };
    match rest.split('/').next().unwrap_or_default() {
        "" => "Organizers",
        "events" => "Events",
        "action_types" => "Action types",
        "tokens" => "Tokens",
        "notifications" | "subjects" => "Notifications",
        "webhooks" if rest.matches('/').count() > 2 => "Beside each webhook",
        "webhooks" => "Webhooks",
        _ => "What happened",
    }
}
