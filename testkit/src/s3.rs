//! An S3 server of a test's own (moto, from the Python environment `.venv` at the top of the repository), with one empty bucket.
//!
//! moto checks no signatures: what passes here shows that the calls and the bytes are right, not that the credentials are.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::process::{Missing, Spawned, find, free_port};

/// Python starts slowly on a busy machine.
const START: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(10);
const BUCKET: &str = "botflix";

pub struct S3Server {
    _server: Spawned,
    _dir: TempDir,
    port: u16,
}

impl S3Server {
    pub fn start() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("botflix-s3-").tempdir()?;
        let port = free_port()?;
        let mut command = Command::new(program()?);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let mut server = Spawned::start("moto_server", &mut command, &dir.path().join("moto.log"))?;
        server.until_ready(START, |_| TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        let answer = put_bucket(port)?;
        if !answer.starts_with("HTTP/1.1 200") {
            bail!("make bucket: {answer}");
        }
        Ok(Self {
            _server: server,
            _dir: dir,
            port,
        })
    }

    /// For `--storage`.
    pub fn url(&self) -> String {
        format!("s3://{BUCKET}")
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Every object's key and length.
    pub async fn objects(&self) -> Result<Vec<(String, u64)>> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let url = format!(
                "{}/{BUCKET}?list-type=2&start-after={after}",
                self.endpoint()
            );
            let page = http
                .get(url)
                .send()
                .await?
                .error_for_status()?
                .text()
                .await?;
            let entries = page.split("<Contents>").skip(1);
            let before = found.len();
            for entry in entries {
                let word = |tag: &str| {
                    let rest = entry.split_once(&format!("<{tag}>"))?.1;
                    Some(rest.split_once("</")?.0.to_owned())
                };
                let (Some(key), Some(length)) = (word("Key"), word("Size")) else {
                    bail!("a listing of another form: {entry}");
                };
                after.clone_from(&key);
                found.push((key, length.parse()?));
            }
            if found.len() == before || !page.contains("<IsTruncated>true") {
                return Ok(found);
            }
        }
    }

    /// What a process needs in its environment to use this server.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT", self.endpoint()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
    }
}

fn program() -> Result<PathBuf> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.venv/bin/moto_server");
    if ours.is_file() {
        return Ok(ours);
    }
    find("moto_server").map_err(|_| Missing("moto_server (in .venv)".to_owned()).into())
}

fn put_bucket(port: u16) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(ANSWER))?;
    write!(
        stream,
        "PUT /{BUCKET} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.take(64 * 1024).read_to_string(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_with_an_empty_bucket() {
        let Some(server) = crate::optional(S3Server::start()) else {
            return;
        };
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        write!(
            stream,
            "GET /{BUCKET}?list-type=2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("<KeyCount>0</KeyCount>"), "{answer}");
    }
}
