//! Tokens with which hosts join, on both databases.

use botflix_api::auth::OperatorToken;
use botflix_api::operator;
use botflix_testkit::{Postgres, optional};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::stand::{Stand, problem};

async fn call(stand: &Stand, token: &str, method: Method, path: &str, body: Value) -> Response {
    let call = stand.request(method, &format!("/api/v1/{path}"));
    let call = if body.is_null() {
        call
    } else {
        call.json(&body)
    };
    let call = if token.is_empty() {
        call
    } else {
        call.bearer_auth(token)
    };
    call.send().await.unwrap()
}

async fn join(stand: &Stand, token: &str) -> Response {
    let body = json!({"token": token, "name": "forge-1"});
    call(stand, "", Method::POST, "workers/join", body).await
}

async fn a_token_joins_until_it_is_revoked(stand: &Stand) {
    let operator = OperatorToken::generate().unwrap();
    operator::set_token(&stand.server.app().db, &operator)
        .await
        .unwrap();
    let operator = operator.reveal();
    let request = json!({"name": "attic", "expires_in_days": 7});
    let refused = call(stand, "", Method::POST, "worker-tokens", request.clone()).await;
    problem(refused, 401, "missing_operator_token").await;
    let made = call(stand, operator, Method::POST, "worker-tokens", request).await;
    assert_eq!(made.status(), 201);
    assert_eq!(made.headers()["cache-control"], "no-store");
    let made: Value = made.json().await.unwrap();
    let token = made["token"].as_str().unwrap();
    assert!(token.starts_with("botflix_join_"));

    let joined = join(stand, token).await;
    assert_eq!(joined.status(), 200);
    assert_eq!(joined.headers()["cache-control"], "no-store");
    let joined: Value = joined.json().await.unwrap();
    assert_eq!(joined["redis"], stand.redis.url());
    assert!(joined["storage"].as_str().unwrap().starts_with("file://"));
    problem(join(stand, operator).await, 401, "invalid_join_token").await;

    let listed = call(stand, operator, Method::GET, "worker-tokens", Value::Null).await;
    let listed: Value = listed.json().await.unwrap();
    assert!(!listed.to_string().contains(token), "shown once");
    let about = &listed["data"][0];
    assert_eq!(
        (&about["joins"], &about["last_worker"]),
        (&json!(1), &json!("forge-1"))
    );

    let id = format!("worker-tokens/{}", made["id"].as_str().unwrap());
    for _ in 0..2 {
        let revoked = call(stand, operator, Method::DELETE, &id, Value::Null).await;
        assert_eq!(revoked.status(), 204);
    }
    problem(join(stand, token).await, 401, "invalid_join_token").await;
    let nothing = call(
        stand,
        operator,
        Method::DELETE,
        "worker-tokens/none",
        Value::Null,
    )
    .await;
    problem(nothing, 404, "not_found").await;
}

#[tokio::test]
async fn a_worker_joins_with_a_token_until_it_is_revoked() {
    a_token_joins_until_it_is_revoked(&Stand::start().await).await;
}

#[tokio::test]
async fn a_worker_joins_with_a_token_over_postgres() {
    let Some(postgres) = optional(Postgres::start()) else {
        return;
    };
    let url = postgres.create_database().unwrap();
    let stand = Stand::start_with(|config| config.database = url).await;
    a_token_joins_until_it_is_revoked(&stand).await;
    stand.server.stop().await;
}

#[tokio::test]
async fn a_worker_is_given_what_the_operator_set_and_no_expired_token_joins() {
    let stand = Stand::start_with(|config| {
        config.storage_options = vec![("AWS_SECRET_ACCESS_KEY".to_owned(), "own".to_owned())];
        config.for_workers.redis = Some("rediss://farm.example/".to_owned());
        config.for_workers.storage = Some("s3://films/work".to_owned());
    })
    .await;
    let operator = OperatorToken::generate().unwrap();
    let db = &stand.server.app().db;
    operator::set_token(db, &operator).await.unwrap();
    let request = json!({"name": "attic", "expires_in_days": 1});
    let made = call(
        &stand,
        operator.reveal(),
        Method::POST,
        "worker-tokens",
        request,
    )
    .await;
    let made: Value = made.json().await.unwrap();
    let token = made["token"].as_str().unwrap();
    let joined: Value = join(&stand, token).await.json().await.unwrap();
    assert_eq!(
        joined,
        json!({"redis": "rediss://farm.example/", "storage": "s3://films/work", "storage_options": {}})
    );

    let id = made["id"].as_str().unwrap();
    let expires_ms = botflix_api::clock::now_ms() + 25 * 3600 * 1000;
    let late = botflix_api::db::worker_tokens::note_join(db, id, "late", expires_ms);
    assert!(!late.await.unwrap().is_made(), "a day is over");
}
