//! The OpenAPI 3.1 document: generated from the routes and the types of their handlers, never written by hand.
//!
//! `schemas/openapi.json` is this document without a server; a test refuses drift.

use aide::generate::in_context;
use aide::openapi::{
    HeaderStyle, Info, License, MediaType, OpenApi, Operation, Parameter, ParameterData,
    ParameterSchemaOrContent, PathStyle, ReferenceOr, RequestBody, Response, SchemaObject,
    SecurityScheme,
};
use aide::operation::OperationOutput;
use aide::transform::{TransformOpenApi, TransformOperation};
use botflix_common::problem::{self, Problem};
use botflix_common::schema::Document;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::error::ApiError;

/// The name of the bearer key in the document.
pub const KEY_SCHEME: &str = "director_key";
/// The name of the operators' token in the document.
pub const OPERATOR_SCHEME: &str = "operator_token";

/// Makes the generator of this thread speak OpenAPI 3.1's dialect, JSON Schema 2020-12 (aide's default is draft 7). Call it before routes
/// are built, on the thread that builds them.
pub fn use_dialect_of_openapi_31() {
    in_context(|ctx| {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        ctx.schema = SchemaGenerator::new(settings);
    });
}

/// What the document says about itself.
pub fn describe(api: TransformOpenApi<'_>) -> TransformOpenApi<'_> {
    api.title("BotFlix")
        .version(env!("CARGO_PKG_VERSION"))
        .description(
            "The studio backlot for autonomous directors: send clips and a ShotManifest, get a finished, checked, published episode.",
        )
        .license(License {
            name: "MIT OR Apache-2.0".to_owned(),
            identifier: Some("MIT OR Apache-2.0".to_owned()),
            url: None,
            extensions: Default::default(),
        })
        .security_scheme(
            KEY_SCHEME,
            bearer(
                "botflix_dir_{id}_{secret}",
                "The api_key that POST /api/v1/directors/register answered with.",
            ),
        )
        .security_scheme(
            OPERATOR_SCHEME,
            bearer(
                "botflix_op_{id}_{secret}",
                "The token of the farm's operators: a file of `botflix up`, or a setting of the server.",
            ),
        )
}

fn bearer(format: &str, description: &str) -> SecurityScheme {
    SecurityScheme::Http {
        scheme: "bearer".to_owned(),
        bearer_format: Some(format.to_owned()),
        description: Some(description.to_owned()),
        extensions: Default::default(),
    }
}

/// An empty document for the routes to be merged into.
pub fn document() -> OpenApi {
    OpenApi {
        openapi: "3.1.0".into(),
        info: Info::default(),
        ..OpenApi::default()
    }
}

pub fn path_parameter(name: &str, schema: Schema) -> ReferenceOr<Parameter> {
    ReferenceOr::Item(Parameter::Path {
        parameter_data: parameter(name, schema),
        style: PathStyle::Simple,
    })
}

fn parameter(name: &str, json_schema: Schema) -> ParameterData {
    ParameterData {
        name: name.to_owned(),
        description: None,
        required: true,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(SchemaObject {
            json_schema,
            external_docs: None,
            example: None,
        }),
        example: None,
        examples: Default::default(),
        explode: None,
        extensions: Default::default(),
    }
}

/// Every refusal is a problem document.
impl OperationOutput for ApiError {
    type Inner = Problem;

    fn operation_response(
        ctx: &mut aide::generate::GenContext,
        _: &mut Operation,
    ) -> Option<Response> {
        Some(Response {
            description: "A problem document (RFC 9457).".to_owned(),
            content: [(problem::MEDIA_TYPE.to_owned(), content_of::<Problem>(ctx))]
                .into_iter()
                .collect(),
            ..Response::default()
        })
    }

    fn inferred_responses(
        ctx: &mut aide::generate::GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<aide::openapi::StatusCode>, Response)> {
        Self::operation_response(ctx, operation)
            .map(|response| (None, response))
            .into_iter()
            .collect()
    }
}

fn content_of<T: JsonSchema>(ctx: &mut aide::generate::GenContext) -> MediaType {
    MediaType {
        schema: Some(SchemaObject {
            json_schema: ctx.schema.subschema_for::<T>(),
            external_docs: None,
            example: None,
        }),
        ..MediaType::default()
    }
}

/// A 2xx answer with a JSON body.
pub fn answers<'a, const STATUS: u16, T: JsonSchema>(
    operation: TransformOperation<'a>,
    description: &str,
) -> TransformOperation<'a> {
    operation
        .response_with::<STATUS, axum::Json<T>, _>(|response| response.description(description))
}

/// An answer with some other body.
pub fn answers_with<'a>(
    mut operation: TransformOperation<'a>,
    status: u16,
    media_type: &str,
    description: &str,
) -> TransformOperation<'a> {
    let content = [(media_type.to_owned(), MediaType::default())];
    let response = Response {
        description: description.to_owned(),
        content: if media_type.is_empty() {
            Default::default()
        } else {
            content.into_iter().collect()
        },
        ..Response::default()
    };
    operation
        .inner_mut()
        .responses
        .get_or_insert_with(Default::default)
        .responses
        .insert(
            aide::openapi::StatusCode::Code(status),
            ReferenceOr::Item(response),
        );
    operation
}

/// A body of any media type, for uploads.
pub fn takes_any_bytes(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    takes(
        operation,
        &["application/octet-stream", "multipart/form-data"],
        None,
    )
}

/// A JSON body of type `T` that the handler reads by itself.
pub fn takes_json<T: JsonSchema>(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let schema = in_context(content_of::<T>);
    takes(operation, &["application/json"], Some(schema))
}

fn takes<'a>(
    mut operation: TransformOperation<'a>,
    media_types: &[&str],
    content: Option<MediaType>,
) -> TransformOperation<'a> {
    let content = content.unwrap_or_default();
    operation.inner_mut().request_body = Some(ReferenceOr::Item(RequestBody {
        description: None,
        content: media_types
            .iter()
            .map(|media_type| ((*media_type).to_owned(), content.clone()))
            .collect(),
        required: true,
        extensions: Default::default(),
    }));
    operation
}

/// A header that a client may send.
pub fn header<'a>(
    mut operation: TransformOperation<'a>,
    name: &str,
    description: &str,
) -> TransformOperation<'a> {
    let schema = in_context(|ctx| ctx.schema.subschema_for::<String>());
    let mut parameter_data = parameter(name, schema);
    parameter_data.required = false;
    parameter_data.description = Some(description.to_owned());
    operation
        .inner_mut()
        .parameters
        .push(ReferenceOr::Item(Parameter::Header {
            parameter_data,
            style: HeaderStyle::Simple,
        }));
    operation
}

/// Every operation answers refusals with a problem, also those whose handlers hide it behind a plain `Response`.
pub fn tidy(document: &mut OpenApi) {
    let problem = in_context(|ctx| ApiError::operation_response(ctx, &mut Operation::default()));
    let operations = document
        .paths
        .iter_mut()
        .flat_map(|paths| paths.paths.values_mut())
        .filter_map(|path| match path {
            ReferenceOr::Item(path) => Some(path),
            ReferenceOr::Reference { .. } => None,
        })
        .flat_map(aide::util::iter_operations_mut);
    for (_, operation) in operations {
        let responses = operation.responses.get_or_insert_with(Default::default);
        if responses.default.is_none() {
            responses.default = problem.clone().map(ReferenceOr::Item);
        }
    }
    drop_unused_schemas(document);
}

/// Query types are spelled out as parameters; their schemas would only be noise in generated clients.
fn drop_unused_schemas(document: &mut OpenApi) {
    let text = serde_json::to_string(document).unwrap_or_default();
    if let Some(components) = &mut document.components {
        components
            .schemas
            .retain(|name, _| text.contains(&format!("\"#/components/schemas/{name}\"")));
    }
}

/// For what anyone may see and a key only widens.
pub fn key_is_optional(mut operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation.inner_mut().security.insert(0, Default::default());
    operation
}

/// The files of `schemas/`, by name.
pub fn generated_files() -> Vec<(&'static str, String)> {
    let schemas = Document::ALL.map(|document| (document.file_name(), pretty(document.schema())));
    let openapi = [("openapi.json", pretty(crate::http::document()))];
    schemas.into_iter().chain(openapi).collect()
}

/// Stable text: fields in the order of the types, a line feed at the end. What cannot be written is empty and fails the test for drift.
fn pretty(document: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(document).map_or_else(|_| String::new(), |text| text + "\n")
}
