//! Who is let in as an operator, on both databases.

use botflix_api::auth::OperatorToken;
use botflix_api::operator;
use botflix_testkit::{Postgres, optional};
use serde_json::Value;

use crate::stand::{Stand, problem};

const PATH: &str = "/api/v1/workers";

async fn only_the_token_in_force_opens(stand: &Stand) {
    let ada = stand.register("Ada").await;
    let ask = |token: &str| stand.get(PATH).bearer_auth(token).send();
    let missing = stand.get(PATH).send().await.unwrap();
    assert!(missing.headers().contains_key("www-authenticate"));
    problem(missing, 401, "missing_operator_token").await;
    problem(ask(&ada.key).await.unwrap(), 403, "operators_only").await;

    let first = OperatorToken::generate().unwrap();
    problem(
        ask(first.reveal()).await.unwrap(),
        401,
        "invalid_operator_token",
    )
    .await;
    let db = &stand.server.app().db;
    assert!(!operator::has_token(db).await.unwrap());
    operator::set_token(db, &first).await.unwrap();
    assert!(operator::has_token(db).await.unwrap());
    let listed: Value = ask(first.reveal()).await.unwrap().json().await.unwrap();
    assert!(listed["data"].is_array(), "{listed}");

    let second = OperatorToken::generate().unwrap();
    operator::set_token(db, &second).await.unwrap();
    problem(
        ask(first.reveal()).await.unwrap(),
        401,
        "invalid_operator_token",
    )
    .await;
    assert!(ask(second.reveal()).await.unwrap().status().is_success());
    let as_director = stand
        .get("/api/v1/directors/me")
        .bearer_auth(second.reveal());
    problem(as_director.send().await.unwrap(), 401, "invalid_api_key").await;
}

#[tokio::test]
async fn only_the_operator_token_in_force_opens_what_is_the_operators() {
    only_the_token_in_force_opens(&Stand::start().await).await;
}

#[tokio::test]
async fn the_operator_token_is_kept_in_postgres_too() {
    let Some(postgres) = optional(Postgres::start()) else {
        return;
    };
    let url = postgres.create_database().unwrap();
    let stand = Stand::start_with(|config| config.database = url).await;
    only_the_token_in_force_opens(&stand).await;
    stand.server.stop().await;
}

#[tokio::test]
async fn a_token_given_at_start_is_the_only_one() {
    let given = "an operator chose these many letters";
    let given = given.replace(' ', "-");
    let stand = Stand::start_with(|config| config.operator_token = Some(given.clone())).await;
    let stored = OperatorToken::generate().unwrap();
    operator::set_token(&stand.server.app().db, &stored)
        .await
        .unwrap();
    let ask = |token: &str| stand.get(PATH).bearer_auth(token).send();
    assert!(ask(&given).await.unwrap().status().is_success());
    problem(
        ask(stored.reveal()).await.unwrap(),
        401,
        "invalid_operator_token",
    )
    .await;
}

#[tokio::test]
async fn operators_set_the_shares_of_directors() {
    let token = "an-operator-chose-these-many-letters";
    let stand = Stand::start_with(|config| config.operator_token = Some(token.to_owned())).await;
    let ada = stand.register("Ada").await;
    let path = format!("/api/v1/directors/{}/share", ada.id);
    let put = async |path: &str, key: &str, body: &'static str| {
        let call = stand.request(reqwest::Method::PUT, path).bearer_auth(key);
        call.body(body).send().await.unwrap()
    };
    let set = put(&path, token, r#"{"weight": 2.5, "task_limit": 3}"#).await;
    assert_eq!(set.status(), 200);
    let shown = stand.get(&path).bearer_auth(token).send().await.unwrap();
    let shown: serde_json::Value = shown.json().await.unwrap();
    let expected = serde_json::json!({"weight": 2.5, "task_limit": 3, "render_limit": null});
    assert_eq!(shown, expected);

    let refused = put(
        &path,
        token,
        r#"{"weight": 0, "render_limit": 1000000000000}"#,
    )
    .await;
    let refused = problem(refused, 422, "invalid_body").await;
    assert_eq!(refused["errors"][0]["pointer"], "/weight");
    assert_eq!(refused["errors"][1]["pointer"], "/render_limit");
    problem(put(&path, &ada.key, "{}").await, 403, "operators_only").await;
    let nobodys = path.replace(&ada.id, "01931f00-0000-7000-8000-000000000001");
    problem(put(&nobodys, token, "{}").await, 404, "not_found").await;

    // Nothing more is taken of a director who may have no renders.
    let clip = stand.upload(&ada, b"clip").await;
    assert_eq!(
        put(&path, token, r#"{"render_limit": 0}"#).await.status(),
        200
    );
    let sent = crate::renders::submit(&stand, &ada, &crate::renders::smallest(clip)).await;
    assert_eq!(sent.headers()["retry-after"], "30");
    problem(sent, 429, "too_many_renders").await;
}
