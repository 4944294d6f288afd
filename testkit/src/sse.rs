//! The event stream of a render (Server-Sent Events), as a client reads it.

use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use botflix_common::http::{RenderEvent, RenderEventKind};
use futures::{Stream, StreamExt};
use reqwest::Response;
use tokio::time::Instant;

type Chunks = Pin<Box<dyn Stream<Item = reqwest::Result<Vec<u8>>> + Send>>;

/// Most bytes of one event.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

pub struct EventStream {
    chunks: Chunks,
    pending: Vec<u8>,
}

impl EventStream {
    pub fn new(response: Response) -> Self {
        let chunks = response
            .bytes_stream()
            .map(|chunk| chunk.map(|bytes| bytes.to_vec()));
        Self {
            chunks: Box::pin(chunks),
            pending: Vec::new(),
        }
    }

    /// The next event; `None` when the server ended the stream.
    pub async fn next(&mut self, limit: Duration) -> Result<Option<RenderEvent>> {
        let deadline = Instant::now() + limit;
        loop {
            while let Some(block) = self.take_block() {
                if let Some(event) = parse(&block)? {
                    return Ok(Some(event));
                }
            }
            let chunk = tokio::time::timeout_at(deadline, self.chunks.next()).await;
            match chunk.with_context(|| format!("no event within {limit:?}"))? {
                Some(bytes) => self.pending.extend(bytes?),
                None => return Ok(None),
            }
            if self.pending.len() > MAX_EVENT_BYTES {
                bail!("an event of more than {MAX_EVENT_BYTES} bytes");
            }
        }
    }

    /// Reads on until an event of this kind for which `accept` holds.
    pub async fn until(
        &mut self,
        kind: RenderEventKind,
        limit: Duration,
        accept: impl Fn(&RenderEvent) -> bool,
    ) -> Result<RenderEvent> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self
                .next(left)
                .await
                .with_context(|| format!("waiting for {kind:?}"))?
            {
                Some(event) if event.kind == kind && accept(&event) => return Ok(event),
                Some(_) => {}
                None => bail!("the stream ended before {kind:?}"),
            }
        }
    }

    /// The bytes up to an empty line, if there is one.
    fn take_block(&mut self) -> Option<String> {
        let at = self.pending.windows(2).position(|pair| pair == b"\n\n")?;
        let block: Vec<u8> = self.pending.drain(..at + 2).collect();
        Some(String::from_utf8_lossy(&block).into_owned())
    }
}

/// `None` for comments, which keep the connection alive. The fields must agree with the body.
fn parse(block: &str) -> Result<Option<RenderEvent>> {
    let field = |name: &str| {
        block
            .lines()
            .filter_map(|line| line.strip_prefix(name))
            .map(str::trim)
            .collect::<Vec<_>>()
    };
    let data = field("data:").join("\n");
    if data.is_empty() {
        return Ok(None);
    }
    let event: RenderEvent = serde_json::from_str(&data).with_context(|| block.to_owned())?;
    if field("id:") != [event.seq.to_string()] || field("event:") != [event.kind.name()] {
        bail!("id or event differ from the body: {block}");
    }
    Ok(Some(event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_no_event_and_fields_must_agree_with_the_body() {
        assert!(parse(": still here\n\n").unwrap().is_none());
        let body = r#"{"seq":3,"kind":"state","at":"t","state":"running","progress":0.0}"#;
        let event = parse(&format!("id: 3\nevent: state\ndata: {body}\n\n"))
            .unwrap()
            .unwrap();
        assert_eq!(event.seq, 3);
        assert!(parse(&format!("id: 4\nevent: state\ndata: {body}\n\n")).is_err());
    }
}
