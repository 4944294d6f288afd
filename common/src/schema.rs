//! JSON Schemas (2020-12) of the documents a director sends: generated from the Rust types, enforced by `jsonschema`, served as they are.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::brief::EpisodeBrief;
use crate::manifest::ShotManifest;
use crate::problem::FieldProblem;

/// A document with a published schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    EpisodeBrief,
    ShotManifest,
}

impl Document {
    pub const ALL: [Self; 2] = [Self::EpisodeBrief, Self::ShotManifest];

    /// The file's name under `schemas/` and `/agent/schemas/`.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::EpisodeBrief => "EpisodeBrief.json",
            Self::ShotManifest => "ShotManifest.json",
        }
    }

    /// The generated schema.
    pub fn schema(self) -> &'static Value {
        match self {
            Self::EpisodeBrief => &BRIEF.schema,
            Self::ShotManifest => &MANIFEST.schema,
        }
    }

    fn compiled(self) -> &'static Compiled {
        match self {
            Self::EpisodeBrief => &BRIEF,
            Self::ShotManifest => &MANIFEST,
        }
    }
}

struct Compiled {
    schema: Value,
    validator: Option<Validator>,
}

static BRIEF: LazyLock<Compiled> = LazyLock::new(|| Compiled::new::<EpisodeBrief>("EpisodeBrief"));
static MANIFEST: LazyLock<Compiled> =
    LazyLock::new(|| Compiled::new::<ShotManifest>("ShotManifest"));

impl Compiled {
    fn new<T: schemars::JsonSchema>(name: &str) -> Self {
        let schema = SchemaSettings::draft2020_12()
            .into_generator()
            .into_root_schema_for::<T>();
        let mut schema = schema.to_value();
        if let Some(fields) = schema.as_object_mut() {
            fields.insert(
                "$id".to_owned(),
                format!("urn:botflix:schema:{name}").into(),
            );
        }
        let validator = jsonschema::validator_for(&schema).ok();
        Self { schema, validator }
    }
}

/// Every way in which `value` departs from the document's schema; empty when it conforms.
pub fn problems(document: Document, value: &Value) -> Vec<FieldProblem> {
    let compiled = document.compiled();
    let Some(validator) = &compiled.validator else {
        return vec![FieldProblem::new(
            "",
            "schema_broken",
            "The schema does not compile.",
        )];
    };
    let mut seen = BTreeSet::new();
    validator
        .iter_errors(value)
        .flat_map(|error| describe(&compiled.schema, value, &error))
        .filter(|problem| seen.insert((problem.pointer.clone(), problem.code.clone())))
        .collect()
}

fn describe(schema: &Value, document: &Value, error: &ValidationError<'_>) -> Vec<FieldProblem> {
    let pointer = error.instance_path().to_string();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = known_fields(schema, error);
            unexpected
                .iter()
                .map(|name| unknown_field(&pointer, name, &known))
                .collect()
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![
                FieldProblem::new(
                    format!("{pointer}/{}", escape(name)),
                    "missing_field",
                    format!("The field \"{name}\" is required."),
                )
                .fix(format!("Add \"{name}\".")),
            ]
        }
        ValidationErrorKind::Type { kind } => vec![FieldProblem::new(
            pointer,
            "wrong_type",
            format!("Expected {}.", type_names(kind)),
        )],
        ValidationErrorKind::Enum { options } => {
            let words: Vec<&str> = strings(options).collect();
            vec![wrong_word(&pointer, document, &words)]
        }
        ValidationErrorKind::MinProperties { .. } | ValidationErrorKind::MaxProperties { .. } => {
            let known = known_fields(schema, error).join(", ");
            let code = match error.kind() {
                ValidationErrorKind::MinProperties { .. } => "missing_field",
                _ => "too_many_fields",
            };
            vec![FieldProblem::new(
                pointer,
                code,
                format!("Exactly one of these is wanted: {known}."),
            )]
        }
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            branches(schema, document, &pointer, context)
        }
        _ => vec![FieldProblem::new(pointer, "out_of_range", sentence(error))],
    }
}

/// Of the alternatives, the one that got furthest is the one that was meant: its problems are reported instead of "matches none".
fn branches(
    schema: &Value,
    document: &Value,
    pointer: &str,
    context: &[Vec<ValidationError<'static>>],
) -> Vec<FieldProblem> {
    let words = words_of(context, pointer);
    if !words.is_empty() && document.pointer(pointer).is_some_and(Value::is_string) {
        return vec![wrong_word(pointer, document, &words)];
    }
    let meant = context.iter().filter(|errors| {
        !errors.iter().any(|error| {
            matches!(
                error.kind(),
                ValidationErrorKind::Type { .. } | ValidationErrorKind::Enum { .. }
            ) && error.instance_path().to_string() == pointer
        })
    });
    let described: Vec<FieldProblem> = meant
        .min_by_key(|errors| errors.len())
        .map(|errors| {
            errors
                .iter()
                .flat_map(|error| describe(schema, document, error))
                .collect()
        })
        .unwrap_or_default();
    if described.is_empty() {
        vec![FieldProblem::new(
            pointer,
            "wrong_type",
            "None of the allowed forms of this field.",
        )]
    } else {
        described
    }
}

fn unknown_field(pointer: &str, name: &str, known: &[String]) -> FieldProblem {
    let problem = FieldProblem::new(
        format!("{pointer}/{}", escape(name)),
        "unknown_field",
        format!("There is no field \"{name}\" here."),
    );
    match closest(name, known.iter().map(String::as_str)) {
        Some(meant) => problem
            .fix(format!("Rename it to \"{meant}\", or remove it."))
            .did_you_mean(meant),
        None => problem.fix(format!("Remove it. Known here: {}.", known.join(", "))),
    }
}

/// The words among the alternatives: `oneOf` constants and `enum` lists that stand where a string was sent.
fn words_of<'a>(context: &'a [Vec<ValidationError<'static>>], pointer: &str) -> Vec<&'a str> {
    context
        .iter()
        .flatten()
        .filter(|error| error.instance_path().to_string() == pointer)
        .flat_map(|error| match error.kind() {
            ValidationErrorKind::Constant { expected_value } => {
                expected_value.as_str().into_iter().collect::<Vec<_>>()
            }
            ValidationErrorKind::Enum { options } => strings(options).collect(),
            _ => Vec::new(),
        })
        .collect()
}

fn strings(options: &Value) -> impl Iterator<Item = &str> {
    options
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}

fn wrong_word(pointer: &str, document: &Value, words: &[&str]) -> FieldProblem {
    let problem = FieldProblem::new(
        pointer,
        "unknown_value",
        format!("Expected one of: {}.", words.join(", ")),
    );
    let sent = document.pointer(pointer).and_then(Value::as_str);
    match sent.and_then(|sent| closest(sent, words.iter().copied())) {
        Some(meant) => problem.did_you_mean(meant),
        None => problem,
    }
}

/// The field names that the schema allows where the error was found.
fn known_fields(schema: &Value, error: &ValidationError<'_>) -> Vec<String> {
    let path = error.evaluation_path().to_string();
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let mut at = schema;
    for part in parent.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        let next = if part == "$ref" {
            at.get("$ref")
                .and_then(Value::as_str)
                .and_then(|reference| schema.pointer(reference.trim_start_matches('#')))
        } else {
            match at {
                Value::Array(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
                _ => at.get(&part),
            }
        };
        match next {
            Some(next) => at = next,
            None => return Vec::new(),
        }
    }
    at.get("properties")
        .and_then(Value::as_object)
        .map(|fields| fields.keys().cloned().collect())
        .unwrap_or_default()
}

/// Names that mean the same to many writers, from → to.
const SYNONYMS: [(&str, &str); 20] = [
    ("length", "duration"),
    ("seconds", "duration"),
    ("image", "still"),
    ("photo", "still"),
    ("picture", "still"),
    ("subtitle", "captions"),
    ("music_tracks", "tracks"),
    ("in", "start"),
    ("out", "end"),
    ("volume", "gain"),
    ("begin", "start"),
    ("stop", "end"),
    ("name", "title"),
    ("name", "id"),
    ("file", "clip"),
    ("url", "clip"),
    ("src", "source"),
    ("clips", "shots"),
    ("scenes", "shots"),
    ("music", "tracks"),
];

/// The known name that was probably meant, if one is close.
pub fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let similar = known
        .clone()
        .map(|candidate| (strsim::jaro_winkler(&lower, candidate), candidate))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(similarity, _)| *similarity >= 0.8)
        .map(|(_, candidate)| candidate);
    similar.or_else(|| {
        SYNONYMS
            .iter()
            .filter(|(from, _)| *from == lower)
            .find_map(|(_, to)| known.clone().find(|candidate| candidate == to))
    })
}

/// Escapes one part of a JSON pointer (RFC 6901).
pub fn escape(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

fn type_names(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(many) => many
            .iter()
            .map(|one| one.to_string())
            .collect::<Vec<_>>()
            .join(" or "),
    }
}

/// The library's message without the value that was sent, which may be long.
fn sentence(error: &ValidationError<'_>) -> String {
    format!(
        "{}.",
        error
            .masked_with("The value")
            .to_string()
            .trim_end_matches('.')
    )
}
