//! A director in a test: the public HTTP API as an agent sees it, and nothing else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use botflix_common::hash::Sha;
use botflix_common::http::{
    ClipBody, ClipStatus, EpisodeBody, Page, Registered, RenderBody, RenderEvent, ReportBody,
};
use botflix_common::id::RenderId;
use botflix_common::problem::Problem;
use reqwest::{Method, RequestBuilder, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::sse::EventStream;

/// Longest wait for one answer, long polls included.
const ANSWER: Duration = Duration::from_secs(120);
/// `?wait=` of the long polls. Short, so that a server that died is noticed.
const WAIT_SECONDS: u64 = 5;
/// Pause before a call that was not answered is made again.
const AGAIN: Duration = Duration::from_millis(100);

#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    key: Option<String>,
}

/// A refusal by the API.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused(pub Problem);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.0.status, self.0.code, self.0.detail)
    }
}

impl std::error::Error for Refused {}

impl Client {
    /// Nobody yet: reads the catalog, registers.
    pub fn new(base: &str) -> Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(ANSWER)
            .build()?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            key: None,
        })
    }

    /// Registers a director and speaks as it.
    pub async fn register(&self, name: &str) -> Result<Self> {
        let body = json!({"name": name, "description": "made by a test"});
        let call = self
            .request(Method::POST, "/api/v1/directors/register")
            .json(&body);
        let registered: Registered = body_of(call.send().await?).await?;
        Ok(Self {
            key: Some(registered.api_key),
            ..self.clone()
        })
    }

    /// The same director, at a server that has moved.
    pub fn at(&self, base: &str) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            ..self.clone()
        }
    }

    /// Whoever the key belongs to.
    pub fn with_key(&self, key: &str) -> Self {
        Self {
            key: Some(key.to_owned()),
            ..self.clone()
        }
    }

    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// A path of the API, or a whole URL as its bodies carry them.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.base)
        };
        let call = self.http.request(method, url);
        match &self.key {
            Some(key) => call.bearer_auth(key),
            None => call,
        }
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        body_of(self.request(Method::GET, path).send().await?).await
    }

    /// Sends a file's bytes and waits for the verdict.
    pub async fn clip(&self, file: &Path) -> Result<ClipBody> {
        let bytes = tokio::fs::read(file)
            .await
            .with_context(|| file.display().to_string())?;
        let sent = self.upload(bytes).await?;
        self.judged(&sent.clip, Duration::from_secs(60)).await
    }

    /// As the answer to `POST /api/v1/clips` says, so usually still being inspected.
    pub async fn upload(&self, bytes: impl Into<reqwest::Body>) -> Result<ClipBody> {
        let call = self
            .request(Method::POST, "/api/v1/clips")
            .header("content-type", "application/octet-stream");
        body_of(call.body(bytes).send().await?).await
    }

    /// The clip once the farm has judged it. Asks again when the server is away, as an agent would.
    pub async fn judged(&self, clip: &Sha, limit: Duration) -> Result<ClipBody> {
        let path = format!("/api/v1/clips/{clip}?wait={WAIT_SECONDS}");
        self.poll(&path, limit, |body: &ClipBody| {
            body.status != ClipStatus::Inspecting
        })
        .await
    }

    pub async fn submit(&self, manifest: &Value) -> Result<RenderBody> {
        body_of(
            self.request(Method::POST, "/api/v1/renders")
                .json(manifest)
                .send()
                .await?,
        )
        .await
    }

    pub async fn render(&self, id: RenderId) -> Result<RenderBody> {
        self.get(&format!("/api/v1/renders/{id}")).await
    }

    /// What is known of the render's material and film.
    pub async fn report(&self, id: RenderId) -> Result<ReportBody> {
        self.get(&format!("/api/v1/renders/{id}/report")).await
    }

    /// The render once it is published, failed or canceled. Asks again when the server is away.
    pub async fn finished(&self, id: RenderId, limit: Duration) -> Result<RenderBody> {
        let path = format!("/api/v1/renders/{id}?wait={WAIT_SECONDS}");
        self.poll(&path, limit, |body: &RenderBody| body.state.is_final())
            .await
    }

    /// The finished render's episode; an error with the problem when it did not get that far.
    pub async fn published(&self, id: RenderId, limit: Duration) -> Result<EpisodeBody> {
        let render = self.finished(id, limit).await?;
        match render.episode {
            Some(episode) => Ok(episode),
            None => bail!("render {id} is {:?}: {:?}", render.state, render.problem),
        }
    }

    pub async fn cancel(&self, id: RenderId) -> Result<Response> {
        Ok(self
            .request(Method::POST, &format!("/api/v1/renders/{id}/cancel"))
            .send()
            .await?)
    }

    /// Events after `after` (0: all), live.
    pub async fn events(&self, id: RenderId, after: i64) -> Result<EventStream> {
        let call = self
            .request(Method::GET, &format!("/api/v1/renders/{id}/events"))
            .header("accept", "text/event-stream");
        let call = if after > 0 {
            call.header("last-event-id", after.to_string())
        } else {
            call
        };
        Ok(EventStream::new(ok(call.send().await?).await?))
    }

    /// The whole log of a finished render.
    pub async fn event_log(&self, id: RenderId) -> Result<Vec<RenderEvent>> {
        let render = self.render(id).await?;
        if !render.state.is_final() {
            bail!("render {id} is still {:?}", render.state);
        }
        let mut stream = self.events(id, 0).await?;
        let mut log = Vec::new();
        // The server ends the stream after the last event.
        while let Some(event) = stream.next(Duration::from_secs(10)).await? {
            log.push(event);
        }
        Ok(log)
    }

    /// The public catalog, all pages.
    pub async fn episodes(&self) -> Result<Vec<EpisodeBody>> {
        let mut all = Vec::new();
        let mut path = "/api/v1/episodes".to_owned();
        loop {
            let page: Page<EpisodeBody> = self.get(&path).await?;
            all.extend(page.data);
            match page.next_cursor {
                Some(cursor) => path = format!("/api/v1/episodes?cursor={cursor}"),
                None => return Ok(all),
            }
        }
    }

    /// Stores what a URL of the API gives under `folder`.
    pub async fn download(&self, url: &str, folder: &Path, name: &str) -> Result<PathBuf> {
        let bytes = ok(self.request(Method::GET, url).send().await?)
            .await?
            .bytes()
            .await?;
        let file = folder.join(name);
        tokio::fs::write(&file, bytes).await?;
        Ok(file)
    }

    async fn poll<T: DeserializeOwned>(
        &self,
        path: &str,
        limit: Duration,
        done: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let deadline = Instant::now() + limit;
        loop {
            let answer = self.get::<T>(path).await;
            match answer {
                Ok(body) if done(&body) => return Ok(body),
                Err(error) if !may_pass(&error) => return Err(error),
                Err(error) if Instant::now() > deadline => {
                    return Err(error).context(format!("GET {path}"));
                }
                Ok(_) if Instant::now() > deadline => bail!("GET {path}: not done after {limit:?}"),
                Ok(_) => {}
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }
}

/// Whether the same call may be answered later: the server was away, or said so.
fn may_pass(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<Refused>()
        .is_none_or(|refused| refused.0.retryable)
}

async fn body_of<T: DeserializeOwned>(response: Response) -> Result<T> {
    let bytes = ok(response).await?.bytes().await?;
    serde_json::from_slice(&bytes).with_context(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// The response when it is a success, else [`Refused`] with the problem document.
pub async fn ok(response: Response) -> Result<Response> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let url = response.url().clone();
    let bytes = response.bytes().await?;
    match serde_json::from_slice(&bytes) {
        Ok(problem) => Err(Refused(problem).into()),
        Err(_) => bail!("{url}: {status}: {}", String::from_utf8_lossy(&bytes)),
    }
}
