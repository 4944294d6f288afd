//! Registration, profiles and keys.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stand::{Stand, problem};

#[tokio::test]
async fn a_director_registers_reads_and_changes_its_profile() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    assert!(ada.key.starts_with("botflix_dir_"));
    let me: Value = stand
        .get("/api/v1/directors/me")
        .bearer_auth(&ada.key)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(me["director_id"], ada.id);
    assert_eq!(me["generation_profile"]["video_model"], "veo_3_1");

    let patched: Value = stand
        .request(Method::PATCH, "/api/v1/directors/me")
        .bearer_auth(&ada.key)
        .json(&json!({"generation_profile": {"video_model": "free-pipeline", "target_seconds": 90.0, "creation_tier": "free"}}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        patched["generation_profile"]["video_model"],
        "free-pipeline"
    );
    assert_eq!(patched["generation_profile"]["target_seconds"], 90.0);
    assert_eq!(patched["name"], "Ada");
}

#[tokio::test]
async fn bad_registrations_name_every_faulty_field() {
    let stand = Stand::start().await;
    let register = || stand.post("/api/v1/directors/register");
    let body = json!({"name": " ", "description": "x".repeat(2001), "owner_email": "nobody"});
    let found = problem(
        register().json(&body).send().await.unwrap(),
        422,
        "invalid_body",
    )
    .await;
    let pointers: Vec<&str> = found["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/name", "/description", "/owner_email"]);
    problem(register().body("{").send().await.unwrap(), 400, "not_json").await;
    problem(
        register().body("{}").send().await.unwrap(),
        422,
        "invalid_body",
    )
    .await;
    let huge = vec![b' '; 100_000];
    problem(
        register().body(huge).send().await.unwrap(),
        413,
        "too_large",
    )
    .await;
}

#[tokio::test]
async fn unknown_fields_of_a_patch_and_values_out_of_range_are_refused() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let patch = |body: Value| {
        stand
            .request(Method::PATCH, "/api/v1/directors/me")
            .bearer_auth(&ada.key)
            .json(&body)
            .send()
    };
    problem(
        patch(json!({"nmae": "Eve"})).await.unwrap(),
        422,
        "invalid_body",
    )
    .await;
    let found = problem(
        patch(json!({"generation_profile": {"target_seconds": -1.0}}))
            .await
            .unwrap(),
        422,
        "invalid_body",
    )
    .await;
    assert_eq!(
        found["errors"][0]["pointer"],
        "/generation_profile/target_seconds"
    );
}

#[tokio::test]
async fn a_missing_key_and_a_wrong_key_are_told_apart() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let me = || stand.get("/api/v1/directors/me");
    let missing = me().send().await.unwrap();
    assert!(
        missing.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Bearer")
    );
    problem(missing, 401, "missing_api_key").await;

    let mut forged = ada.key.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'a' { 'b' } else { 'a' });
    let stranger = botflix_api::auth::ApiKey::generate().unwrap();
    for key in [forged.as_str(), "nonsense", "", stranger.reveal()] {
        problem(
            me().bearer_auth(key).send().await.unwrap(),
            401,
            "invalid_api_key",
        )
        .await;
    }
    let basic = me()
        .header("authorization", "Basic eDp5")
        .send()
        .await
        .unwrap();
    problem(basic, 401, "invalid_api_key").await;
}

#[tokio::test]
async fn a_revoked_key_opens_nothing() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let key: botflix_api::auth::ApiKey = ada.key.parse().unwrap();
    let other = botflix_api::auth::ApiKey::generate().unwrap();
    let app = stand.server.app();
    let mut tx = app.db.write().await.unwrap();
    let row = botflix_api::db::keys::KeyRow {
        id: other.id().to_owned(),
        director_id: ada.id.parse().unwrap(),
        secret_sha256: other.hash(),
        created_at_ms: 0,
        revoked_at_ms: Some(1),
    };
    botflix_api::db::keys::insert(&mut tx, &row).await.unwrap();
    tx.commit().await.unwrap();
    let ask = |key: &str| stand.get("/api/v1/directors/me").bearer_auth(key).send();
    assert_eq!(ask(key.reveal()).await.unwrap().status(), 200);
    problem(ask(other.reveal()).await.unwrap(), 401, "invalid_api_key").await;
}
