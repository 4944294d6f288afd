//! Submitting a render and following it to its end: events first, long polls where events do not get through.

use std::time::Duration;

use botflix_common::hash::Sha;
use botflix_common::http::{
    AttemptBody, DryRunBody, Page, RenderBody, RenderEvent, RenderState, ReportBody, RetryRequest,
};
use botflix_common::id::RenderId;
use futures::StreamExt as _;
use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::Value;
use tokio::time::Instant;

use super::events::Parser;
use super::{ANSWER_TIMEOUT, Api, checked};
use crate::exit::Fault;
use crate::show::stages::Stages;

/// Event streams that broke before long polls take over.
const STREAM_TRIES: u32 = 3;
/// The server says something at least this often; silence is a dead connection.
const SILENCE_LIMIT: Duration = Duration::from_secs(45);
/// How often the stages are read while events come in.
const REFRESH_EVERY: Duration = Duration::from_millis(500);
/// The same while nothing happens.
const REFRESH_IDLE_EVERY: Duration = Duration::from_secs(5);
/// Attempts asked for at once: the most that a server gives.
const LOG_PAGE: u32 = 100;
/// Attempts that are read of one render. A film of 240 shots has some 250 tasks.
pub const LOG_LIMIT: usize = 10_000;
/// Renders of one manifest that ended badly, one after the other, before it is left at that.
const RESUBMISSIONS: u32 = 3;

/// Submits the manifest. The same manifest, clips and `key` give the same render: a repeated call finds it instead of paying twice. A render
/// that already ended badly is not what was asked for, so a new one is begun.
pub async fn submit(
    api: &Api,
    manifest: &Value,
    revises: Option<RenderId>,
    key: Option<&str>,
) -> Result<RenderBody, Fault> {
    let path = match revises {
        Some(render) => format!("/api/v1/renders/{render}/revisions"),
        None => "/api/v1/renders".to_owned(),
    };
    let mut salt = key.unwrap_or_default().to_owned();
    let mut left = RESUBMISSIONS;
    loop {
        let idempotency_key = idempotency_key(manifest, &format!("{path} {salt}"));
        let render: RenderBody = api
            .json(|| {
                api.request(Method::POST, &path)
                    .header("Idempotency-Key", &idempotency_key)
                    .timeout(ANSWER_TIMEOUT)
                    .json(manifest)
            })
            .await?;
        let ended_badly = matches!(render.state, RenderState::Failed | RenderState::Canceled);
        if !ended_badly || left == 0 {
            return Ok(render);
        }
        left -= 1;
        salt = format!("{salt} after {}", render.id);
    }
}

fn idempotency_key(manifest: &Value, salt: &str) -> String {
    // The manifest names its clips by their bytes, so its hash covers them.
    Sha::of(format!("{manifest}\n{salt}").as_bytes()).hex()
}

/// What would come of the manifest. Nothing is sent but the manifest itself, and nothing is stored.
pub async fn dry_run(api: &Api, manifest: &Value) -> Result<DryRunBody, Fault> {
    api.json(|| {
        api.request(Method::POST, "/api/v1/renders?dry_run=true")
            .timeout(ANSWER_TIMEOUT)
            .json(manifest)
    })
    .await
}

/// What is to be known of a render's material and film.
pub async fn report(api: &Api, id: RenderId) -> Result<ReportBody, Fault> {
    api.get(&format!("/api/v1/renders/{id}/report")).await
}

/// What became of every attempt at a render's tasks, oldest first.
pub async fn attempts(api: &Api, id: RenderId) -> Result<Vec<AttemptBody>, Fault> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let after = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let path = format!("/api/v1/renders/{id}/log?limit={LOG_PAGE}{after}");
        let page: Page<AttemptBody> = api.get(&path).await?;
        all.extend(page.data);
        match page.next_cursor {
            Some(next) if all.len() < LOG_LIMIT => cursor = Some(next),
            _ => return Ok(all),
        }
    }
}

/// Has a render go on that ended badly, or hurries what it would try again later.
pub async fn retry(api: &Api, id: RenderId, shot: Option<&str>) -> Result<RenderBody, Fault> {
    let request = RetryRequest {
        shot: shot.map(str::to_owned),
    };
    api.json(|| {
        api.request(Method::POST, &format!("/api/v1/renders/{id}/retry"))
            .timeout(ANSWER_TIMEOUT)
            .json(&request)
    })
    .await
}

/// A render of this director, if it is there.
pub async fn find(api: &Api, id: RenderId) -> Result<Option<RenderBody>, Fault> {
    api.find(&format!("/api/v1/renders/{id}")).await
}

/// Shows how far the render is until it is published, failed or canceled.
pub async fn follow(api: &Api, id: RenderId, stages: &Stages) -> Result<RenderBody, Fault> {
    let mut follower = Follower {
        api,
        id,
        stages,
        last_event: None,
        refreshed_at: Instant::now(),
    };
    let mut broken = 0;
    while broken < STREAM_TRIES {
        let heard_before = follower.last_event.clone();
        if let Some(render) = follower.listen().await? {
            return Ok(render);
        }
        // A stream that brought news and then ended is as good as any.
        broken = if follower.last_event == heard_before {
            broken + 1
        } else {
            0
        };
        if let Some(render) = follower.refresh().await? {
            return Ok(render);
        }
    }
    loop {
        let render: RenderBody = api.get_waiting(&follower.path()).await?;
        stages.show(&render.stages);
        stages.film(render.progress, render.eta);
        stages.waits(render.waiting.as_ref());
        if render.state.is_final() {
            return Ok(render);
        }
    }
}

struct Follower<'a> {
    api: &'a Api,
    id: RenderId,
    stages: &'a Stages,
    last_event: Option<String>,
    refreshed_at: Instant,
}

impl Follower<'_> {
    fn path(&self) -> String {
        format!("/api/v1/renders/{}", self.id)
    }

    /// The render if it is final.
    async fn refresh(&mut self) -> Result<Option<RenderBody>, Fault> {
        let render: RenderBody = self.api.get(&self.path()).await?;
        self.refreshed_at = Instant::now();
        self.stages.show(&render.stages);
        self.stages.film(render.progress, render.eta);
        self.stages.waits(render.waiting.as_ref());
        Ok(render.state.is_final().then_some(render))
    }

    /// One stream from the last event on. `None` when it broke, for whatever reason.
    async fn listen(&mut self) -> Result<Option<RenderBody>, Fault> {
        let mut call = self
            .api
            .request(Method::GET, &format!("{}/events", self.path()))
            .header(ACCEPT, "text/event-stream");
        if let Some(id) = &self.last_event {
            call = call.header("Last-Event-ID", id);
        }
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, call.send()).await;
        let Ok(Ok(answer)) = answered else {
            return Ok(None);
        };
        let Ok(answer) = checked(answer).await else {
            return Ok(None);
        };
        let mut pieces = answer.bytes_stream();
        let mut parser = Parser::default();
        while let Ok(Some(Ok(piece))) = tokio::time::timeout(SILENCE_LIMIT, pieces.next()).await {
            if parser.push(&piece).is_err() {
                return Ok(None);
            }
            // Signs of life come all the time, events only when something happens: while it waits nothing does.
            if self.refreshed_at.elapsed() >= REFRESH_IDLE_EVERY
                && let Some(render) = self.refresh().await?
            {
                return Ok(Some(render));
            }
            while let Some(event) = parser.next() {
                self.last_event = event.id.clone().or_else(|| self.last_event.take());
                let ended = serde_json::from_str::<RenderEvent>(&event.data)
                    .is_ok_and(|event| event.state.is_final());
                if (ended || self.refreshed_at.elapsed() >= REFRESH_EVERY)
                    && let Some(render) = self.refresh().await?
                {
                    return Ok(Some(render));
                }
            }
        }
        Ok(None)
    }
}
