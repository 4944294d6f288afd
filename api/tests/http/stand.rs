//! One server with everything it needs, for one test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use botflix_api::{ApiConfig, Server};
use botflix_common::hash::Sha;
use botflix_testkit::RedisServer;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const LIMIT: Duration = Duration::from_secs(20);

pub struct Stand {
    pub server: Server,
    pub redis: RedisServer,
    pub client: Client,
    dir: TempDir,
}

/// A registered director.
#[derive(Clone)]
pub struct Director {
    pub key: String,
    pub id: String,
}

impl Stand {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut ApiConfig)) -> Self {
        let redis = RedisServer::start().expect("redis-server is installed");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display();
        let mut config = ApiConfig::new(
            format!("sqlite://{path}/botflix.db"),
            redis.url(),
            format!("file://{path}/storage"),
            "127.0.0.1:0".parse().unwrap(),
        );
        change(&mut config);
        let server = botflix_api::start(config).await.unwrap();
        let client = Client::builder().timeout(LIMIT).build().unwrap();
        Self {
            server,
            redis,
            client,
            dir,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.local_addr())
    }

    pub fn storage_folder(&self) -> PathBuf {
        self.dir.path().join("storage")
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    pub async fn register(&self, name: &str) -> Director {
        let answer = self
            .post("/api/v1/directors/register")
            .json(&json!({ "name": name, "description": "makes films" }))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let body: Value = answer.json().await.unwrap();
        Director {
            key: body["api_key"].as_str().unwrap().to_owned(),
            id: body["director_id"].as_str().unwrap().to_owned(),
        }
    }

    /// Sends bytes as a clip and gives its name.
    pub async fn upload(&self, director: &Director, bytes: &[u8]) -> Sha {
        let answer = self
            .post("/api/v1/clips")
            .bearer_auth(&director.key)
            .body(bytes.to_vec())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let body: Value = answer.json().await.unwrap();
        body["clip"].as_str().unwrap().parse().unwrap()
    }

    /// The value of a metric without labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self
            .get("/metrics")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("{name} is not in /metrics"))
    }
}

/// The problem document of a refusal.
pub async fn problem(answer: Response, status: u16, code: &str) -> Value {
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let id = answer.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let found = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (found, body["code"].as_str().unwrap()),
        (status, code),
        "{body}"
    );
    assert_eq!(body["status"], status);
    assert_eq!(body["request_id"], id);
    body
}

/// The files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Looks until it is so, or fails.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + LIMIT;
    while !is_so().await {
        assert!(
            tokio::time::Instant::now() < deadline,
            "not in time: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
