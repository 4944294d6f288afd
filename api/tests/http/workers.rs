//! What operators see of workers and want of them, on both databases; the test stands in for the workers.

use botflix_api::auth::OperatorToken;
use botflix_api::operator;
use botflix_common::queue::{Queue, QueueConfig};
use botflix_common::report::WorkerHello;
use botflix_common::task::{Lane, LaneKind};
use botflix_common::worker::{IdleCode, WantedState, WorkerOrders, WorkerState};
use botflix_testkit::{Postgres, optional};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stand::{Stand, problem, until};

struct Operator<'a> {
    stand: &'a Stand,
    token: OperatorToken,
    queue: Queue,
}

impl<'a> Operator<'a> {
    async fn of(stand: &'a Stand) -> Self {
        let token = OperatorToken::generate().unwrap();
        let db = &stand.server.app().db;
        operator::set_token(db, &token).await.unwrap();
        let queue = Queue::connect(QueueConfig::new(stand.redis.url())).unwrap();
        Self {
            stand,
            token,
            queue,
        }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> reqwest::Response {
        let call = self
            .stand
            .request(method, &format!("/api/v1/workers{path}"));
        let call = call.bearer_auth(self.token.reveal());
        let call = if body.is_null() {
            call
        } else {
            call.json(&body)
        };
        call.send().await.unwrap()
    }

    async fn ok(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.call(method, path, body).await;
        let status = answer.status();
        let body = answer.json().await.unwrap();
        assert!(status.is_success(), "{status}: {body}");
        body
    }

    async fn orders(&self, hello: &WorkerHello) -> WorkerOrders {
        self.queue.hello(hello).await.unwrap().unwrap_or_default()
    }
}

fn hello(instance: &str) -> WorkerHello {
    WorkerHello {
        name: "forge".to_owned(),
        instance: instance.to_owned(),
        version: "1".to_owned(),
        lanes: vec![Lane::Io, Lane::Cpu],
        slots: 4,
        engine: "ffmpeg".to_owned(),
        idle: Some(IdleCode::NoTasks),
        cores: 8,
        ..WorkerHello::default()
    }
}

async fn a_worker_is_told_what_operators_want(stand: &Stand) {
    let operator = Operator::of(stand).await;
    problem(
        operator.call(Method::GET, "/forge", Value::Null).await,
        404,
        "not_found",
    )
    .await;
    let first = hello("forge-1");
    assert_eq!(operator.orders(&first).await, WorkerOrders::default());
    let shown = operator.ok(Method::GET, "/forge", Value::Null).await;
    assert_eq!(
        (&shown["state"], &shown["wanted"]),
        (&json!("active"), &json!("active"))
    );
    assert_eq!(shown["idle"]["code"], "no_tasks");
    assert_eq!(shown["processes"][0]["cores"], 8);

    let paused = operator.ok(Method::POST, "/forge/pause", Value::Null).await;
    assert_eq!(paused["wanted"], "paused");
    assert_eq!(operator.orders(&first).await.wanted, WantedState::Paused);

    let patch = json!({"lanes": ["cpu"], "slots": 2, "priority": "low", "tags": ["attic"], "sleep": "mon-fri 22:00-06:00"});
    let set = operator.ok(Method::PATCH, "/forge", patch).await;
    assert_eq!(set["settings"]["sleep"], "mon-fri 22:00-06:00");
    let orders = operator.orders(&first).await;
    assert_eq!(orders.settings.lanes, Some(vec![LaneKind::Cpu]));
    assert_eq!(
        (orders.wanted, orders.settings.slots),
        (WantedState::Paused, Some(2))
    );

    // Redis forgets; SQL does not.
    let mut redis = redis::Client::open(stand.redis.url())
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let () = redis::cmd("FLUSHALL")
        .query_async(&mut redis)
        .await
        .unwrap();
    until("the orders are given again", async || {
        operator.orders(&first).await == orders
    })
    .await;

    let stopping = json!({"when": "now"});
    operator.ok(Method::POST, "/forge/stop", stopping).await;
    let orders = operator.orders(&first).await;
    assert_eq!(orders.wanted_of("forge-1"), WantedState::StopNow);
    assert_eq!(orders.wanted_of("forge-2"), WantedState::Active);
    problem(
        operator.call(Method::DELETE, "/forge", Value::Null).await,
        409,
        "worker_is_here",
    )
    .await;
    operator.queue.goodbye("forge-1").await.unwrap();
    let gone = operator.ok(Method::GET, "/forge", Value::Null).await;
    assert_eq!(
        (&gone["state"], &gone["idle"]["code"]),
        (&json!("gone"), &json!("gone"))
    );

    // Started again, it works, with its settings.
    let second = hello("forge-2");
    until("the stop is over", async || {
        operator.orders(&second).await.wanted == WantedState::Active
    })
    .await;
    assert_eq!(operator.orders(&second).await.settings.slots, Some(2));
    operator.queue.goodbye("forge-2").await.unwrap();
    let forgotten = operator.call(Method::DELETE, "/forge", Value::Null).await;
    assert_eq!(forgotten.status(), 204);
    let left = operator.ok(Method::GET, "", Value::Null).await;
    assert_eq!(left["data"], json!([]));
}

#[tokio::test]
async fn a_worker_is_told_what_operators_want_also_after_redis_lost_it() {
    a_worker_is_told_what_operators_want(&Stand::start().await).await;
}

#[tokio::test]
async fn a_worker_is_told_what_operators_want_over_postgres() {
    let Some(postgres) = optional(Postgres::start()) else {
        return;
    };
    let url = postgres.create_database().unwrap();
    let stand = Stand::start_with(|config| config.database = url).await;
    a_worker_is_told_what_operators_want(&stand).await;
    stand.server.stop().await;
}

#[tokio::test]
async fn settings_that_no_worker_can_follow_are_refused_by_field() {
    let stand = Stand::start().await;
    let operator = Operator::of(&stand).await;
    operator.queue.hello(&hello("forge-1")).await.unwrap();
    let patch = json!({"lanes": [], "slots": 0, "tags": ["fine", "not fine"]});
    let refused = operator.call(Method::PATCH, "/forge", patch).await;
    let found = problem(refused, 422, "invalid_body").await;
    let pointers: Vec<&str> = found["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/lanes", "/slots", "/tags/1"]);
    for wrong in [
        json!({"sleep": "at night"}),
        json!({"lanes": ["tpu"]}),
        json!({"nmae": 1}),
    ] {
        let refused = operator.call(Method::PATCH, "/forge", wrong).await;
        problem(refused, 422, "invalid_body").await;
    }
    let busy = WorkerHello {
        state: WorkerState::Active,
        busy: [(botflix_common::task::TaskKind::Conform, 3)].into(),
        idle: None,
        ..hello("forge-1")
    };
    operator.queue.hello(&busy).await.unwrap();
    let shown = operator.ok(Method::GET, "/forge", Value::Null).await;
    assert_eq!(shown["busy"], json!({"tasks": 3, "kinds": {"conform": 3}}));
    assert_eq!(shown["idle"], Value::Null);
}
