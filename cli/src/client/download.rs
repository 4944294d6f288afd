//! The finished film as a file: whole or not at all, and a broken transfer goes on where it stopped.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt as _;
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Method, RequestBuilder, StatusCode};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::{ANSWER_TIMEOUT, Api, CallError, checked};
use crate::exit::Fault;
use crate::show::size;
use crate::show::stages::Stages;

/// Times a transfer may break without a byte gained.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);
const SILENCE_LIMIT: Duration = Duration::from_secs(60);

/// Fetches `url` (of `bytes` bytes) into `to`, replacing it at the end.
pub async fn film(
    api: &Api,
    url: &str,
    bytes: u64,
    to: &Path,
    stages: &Stages,
) -> Result<(), Fault> {
    let part = part_name(to);
    let unwritable =
        |error| Fault::permanent(format!("{} cannot be written", to.display())).because(error);
    let mut file = File::create(&part).await.map_err(unwritable)?;
    let (mut have, mut broken) = (0, 0);
    while have < bytes {
        let before = have;
        let piece = transfer(api, url, &mut file, &mut have, bytes, stages).await;
        if let Err(error) = piece {
            broken = if have > before { 1 } else { broken + 1 };
            let call_error = match error {
                TransferError::Call(error) if !error.is_retryable() || broken >= TRIES => {
                    Some(error.fault(&api.base))
                }
                TransferError::Write(error) => Some(unwritable(error)),
                TransferError::Broken if broken >= TRIES => {
                    Some(Fault::retryable("the film could not be fetched to its end"))
                }
                TransferError::Call(_) | TransferError::Broken => None,
            };
            if let Some(fault) = call_error {
                return Err(fault);
            }
            tokio::time::sleep(PAUSE * broken).await;
        }
    }
    file.sync_all().await.map_err(unwritable)?;
    tokio::fs::rename(&part, to).await.map_err(unwritable)
}

fn part_name(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

enum TransferError {
    Call(CallError),
    Write(std::io::Error),
    Broken,
}

/// From `have` on, as far as it goes.
async fn transfer(
    api: &Api,
    url: &str,
    file: &mut File,
    have: &mut u64,
    bytes: u64,
    stages: &Stages,
) -> Result<(), TransferError> {
    let call = api
        .request(Method::GET, url)
        .header(RANGE, format!("bytes={have}-"));
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, call.send())
        .await
        .map_err(|_| TransferError::Broken)?
        .map_err(|error| TransferError::Call(CallError::Network(error)))?;
    let answer = checked(answer).await.map_err(TransferError::Call)?;
    let continues = answer.status() == StatusCode::PARTIAL_CONTENT
        && answer.headers().contains_key(CONTENT_RANGE);
    if *have > 0 && !continues {
        return Err(TransferError::Broken);
    }
    let mut pieces = answer.bytes_stream();
    loop {
        let piece = tokio::time::timeout(SILENCE_LIMIT, pieces.next())
            .await
            .map_err(|_| TransferError::Broken)?;
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|error| TransferError::Call(CallError::Network(error)))?;
        file.write_all(&piece).await.map_err(TransferError::Write)?;
        *have += piece.len() as u64;
        let fraction = *have as f64 / bytes.max(1) as f64;
        stages.step("download", fraction, &size(*have));
    }
    if *have < bytes {
        Err(TransferError::Broken)
    } else {
        Ok(())
    }
}

/// Largest body that is read into memory.
const WHOLE_LIMIT_BYTES: usize = 16 << 20;

/// A small body.
pub async fn whole(api: &Api, url: &str) -> Result<Vec<u8>, Fault> {
    bounded(api, api.request(Method::GET, url))
        .await
        .map(|(_, body)| body)
}

/// `length` bytes from `start` on, asked for and answered as a range of `total`.
pub async fn range(
    api: &Api,
    url: &str,
    start: u64,
    length: u64,
    total: u64,
) -> Result<Vec<u8>, Fault> {
    let end = (start + length).min(total).saturating_sub(1);
    let call = api
        .request(Method::GET, url)
        .header(RANGE, format!("bytes={start}-{end}"));
    let (answered, body) = bounded(api, call).await?;
    let expected = format!("bytes {start}-{end}/{total}");
    if answered.as_deref() == Some(expected.as_str()) {
        Ok(body)
    } else {
        Err(Fault::permanent(format!(
            "asked for {expected}, {url} answered {answered:?}"
        )))
    }
}

/// The `Content-Range` and the body.
async fn bounded(api: &Api, call: RequestBuilder) -> Result<(Option<String>, Vec<u8>), Fault> {
    let network = |error| CallError::Network(error).fault(&api.base);
    let answer = call.timeout(SILENCE_LIMIT).send().await.map_err(network)?;
    let answer = checked(answer)
        .await
        .map_err(|error| error.fault(&api.base))?;
    let range = answer
        .headers()
        .get(CONTENT_RANGE)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let mut pieces = answer.bytes_stream();
    let mut body = Vec::new();
    while let Some(piece) = pieces.next().await {
        body.extend_from_slice(&piece.map_err(network)?);
        if body.len() > WHOLE_LIMIT_BYTES {
            return Err(Fault::permanent("a body is longer than was expected"));
        }
    }
    Ok((range, body))
}
