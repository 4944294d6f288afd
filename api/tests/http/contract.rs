//! The machine-readable contract, and what every answer has.

use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use crate::stand::{Stand, problem};

/// Everything that this server promises.
const OPERATIONS: [(&str, &str); 44] = [
    ("delete", "/api/v1/quarantine/{sha256}"),
    ("delete", "/api/v1/worker-tokens/{id}"),
    ("delete", "/api/v1/workers/{name}"),
    ("get", "/agent/schemas/{document}"),
    ("get", "/api/v1/clips/{sha256}"),
    ("get", "/api/v1/directors/me"),
    ("get", "/api/v1/directors/{id}/share"),
    ("get", "/api/v1/episodes"),
    ("get", "/api/v1/episodes/{id}"),
    ("get", "/api/v1/housekeeping"),
    ("get", "/api/v1/quarantine"),
    ("get", "/api/v1/renders"),
    ("get", "/api/v1/renders/{id}"),
    ("get", "/api/v1/renders/{id}/events"),
    ("get", "/api/v1/renders/{id}/log"),
    ("get", "/api/v1/renders/{id}/plan"),
    ("get", "/api/v1/renders/{id}/record"),
    ("get", "/api/v1/renders/{id}/report"),
    ("get", "/api/v1/worker-tokens"),
    ("get", "/api/v1/workers"),
    ("get", "/api/v1/workers/{name}"),
    ("get", "/healthz"),
    ("get", "/media/{id}/{file}"),
    ("get", "/metrics"),
    ("get", "/metrics/workers"),
    ("get", "/openapi.json"),
    ("get", "/readyz"),
    ("patch", "/api/v1/directors/me"),
    ("patch", "/api/v1/workers/{name}"),
    ("post", "/api/v1/clips"),
    ("post", "/api/v1/directors/register"),
    ("post", "/api/v1/housekeeping"),
    ("post", "/api/v1/renders"),
    ("post", "/api/v1/renders/{id}/cancel"),
    ("post", "/api/v1/renders/{id}/retry"),
    ("post", "/api/v1/renders/{id}/revisions"),
    ("post", "/api/v1/worker-tokens"),
    ("post", "/api/v1/workers/join"),
    ("post", "/api/v1/workers/{name}/drain"),
    ("post", "/api/v1/workers/{name}/pause"),
    ("post", "/api/v1/workers/{name}/reinstate"),
    ("post", "/api/v1/workers/{name}/resume"),
    ("post", "/api/v1/workers/{name}/stop"),
    ("put", "/api/v1/directors/{id}/share"),
];

#[test]
fn generated_schemas_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    for (name, text) in botflix_api::openapi::generated_files() {
        let committed = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(
            committed == text,
            "schemas/{name} is not what the code says: run `cargo run -p botflix-api --example generate_schemas`"
        );
    }
}

#[tokio::test]
async fn the_openapi_document_names_every_route_and_every_route_it_names_exists() {
    let stand = Stand::start().await;
    let document: Value = stand
        .get("/openapi.json")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut documented: Vec<(String, String)> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            documented.push((method.clone(), path.clone()));
        }
    }
    let mut promised: Vec<(String, String)> = OPERATIONS
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .to_vec();
    documented.sort();
    promised.sort();
    assert_eq!(documented, promised);

    for (method, path) in documented {
        let method: Method = method.to_uppercase().parse().unwrap();
        let answer = stand.request(method.clone(), &path).send().await.unwrap();
        let text = answer.text().await.unwrap();
        for missing in ["unknown_route", "method_not_allowed"] {
            assert!(
                !text.contains(missing),
                "{method} {path} is documented only"
            );
        }
    }
}

#[tokio::test]
async fn every_reference_of_the_openapi_document_leads_somewhere_and_operations_are_complete() {
    let stand = Stand::start().await;
    let document: Value = stand
        .get("/openapi.json")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere"
        );
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["operationId"].is_string(), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
            let problem = &operation["responses"]["default"]["content"];
            assert!(
                problem["application/problem+json"].is_object(),
                "{method} {path}"
            );
            for part in path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            {
                let parameters = operation["parameters"].as_array().unwrap();
                let named = parameters
                    .iter()
                    .any(|it| it["in"] == "path" && it["name"] == part);
                assert!(named, "{method} {path} does not describe {part}");
            }
        }
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                references.push(reference.clone());
            }
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[tokio::test]
async fn the_schemas_are_served_as_they_are_enforced() {
    let stand = Stand::start().await;
    for name in ["ShotManifest.json", "EpisodeBrief.json"] {
        let path = format!("/agent/schemas/{name}");
        let answer = stand.get(&path).send().await.unwrap();
        let etag = answer.headers()["etag"].clone();
        let schema: Value = answer.json().await.unwrap();
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        let again = stand
            .get(&path)
            .header("if-none-match", etag)
            .send()
            .await
            .unwrap();
        assert_eq!(again.status(), 304);
    }
    problem(
        stand.get("/agent/schemas/Other.json").send().await.unwrap(),
        404,
        "not_found",
    )
    .await;
}

#[tokio::test]
async fn what_is_not_there_answers_agents_with_a_problem_and_people_with_a_page() {
    let stand = Stand::start().await;
    problem(
        stand.get("/api/v1/nothing").send().await.unwrap(),
        404,
        "unknown_route",
    )
    .await;
    let wrong = stand
        .request(Method::DELETE, "/api/v1/episodes")
        .send()
        .await
        .unwrap();
    assert!(wrong.headers().contains_key("allow"));
    problem(wrong, 405, "method_not_allowed").await;
    let page = stand
        .get("/nothing")
        .header("accept", "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 404);
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
}

#[tokio::test]
async fn a_sane_request_id_is_kept_and_any_other_replaced() {
    let stand = Stand::start().await;
    let ask = async |id: &str| {
        let answer = stand
            .get("/healthz")
            .header("x-request-id", id)
            .send()
            .await
            .unwrap();
        answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(ask("my-request_1.2").await, "my-request_1.2");
    for insane in ["a b", "x".repeat(65).as_str(), "a\"b", "<script>"] {
        let given = ask(insane).await;
        assert!(given != insane && given.len() == 36, "{given}");
    }
}
