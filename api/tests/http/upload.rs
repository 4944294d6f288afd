//! Clips arrive: named by their hash, kept once, seen only by who sent them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use botflix_common::hash::Sha;
use botflix_common::storage_key;
use bytes::Bytes;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::stand::{Stand, files, problem};

#[tokio::test]
async fn a_clip_is_stored_under_its_hash_and_known_the_second_time() {
    let stand = Stand::start().await;
    let (ada, eve) = (stand.register("Ada").await, stand.register("Eve").await);
    let bytes = b"not a film, but bytes".to_vec();
    let sha = Sha::of(&bytes);
    let send = |key: String| {
        stand
            .post("/api/v1/clips")
            .bearer_auth(key)
            .body(bytes.clone())
            .send()
    };
    let first = send(ada.key.clone()).await.unwrap();
    assert_eq!(first.status(), StatusCode::ACCEPTED);
    assert_eq!(first.headers()["location"], format!("/api/v1/clips/{sha}"));
    let body: Value = first.json().await.unwrap();
    assert_eq!(body["clip"], sha.to_string());
    assert_eq!(body["status"], "inspecting");
    assert_eq!(body["bytes"], bytes.len());
    let stored = stand.storage_folder().join(storage_key::blob(&sha));
    assert_eq!(std::fs::read(&stored).unwrap(), bytes);

    let look = |key: String| {
        stand
            .get(&format!("/api/v1/clips/{sha}"))
            .bearer_auth(key)
            .send()
    };
    problem(look(eve.key.clone()).await.unwrap(), 404, "not_found").await;
    send(eve.key.clone()).await.unwrap();
    assert_eq!(look(eve.key.clone()).await.unwrap().status(), 200);
    assert_eq!(files(&stand.storage_folder().join("blobs")).len(), 1);

    let head = stand.request(Method::HEAD, &format!("/api/v1/clips/{}", sha.hex()));
    assert_eq!(
        head.bearer_auth(&ada.key).send().await.unwrap().status(),
        200
    );
    let nameless = stand
        .get("/api/v1/clips/12")
        .bearer_auth(&ada.key)
        .send()
        .await
        .unwrap();
    problem(nameless, 400, "bad_parameter").await;
}

#[tokio::test]
async fn a_declared_digest_is_checked_wherever_it_stands() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let bytes = b"the right bytes".as_slice();
    let right = Sha::of(bytes);
    let wrong = Sha::of(b"other bytes");
    let base64 = |sha: &Sha| STANDARD.encode(sha.as_bytes());
    let post = |query: String| {
        stand
            .post(&format!("/api/v1/clips{query}"))
            .bearer_auth(&ada.key)
            .body(bytes)
    };
    let content =
        |sha| post(String::new()).header("content-digest", format!("sha-256=:{}:", base64(sha)));
    let legacy = |sha| post(String::new()).header("digest", format!("sha-256={}", base64(sha)));
    let query = |sha: &Sha| post(format!("?sha256={}", sha.hex()));
    for refused in [content(&wrong), legacy(&wrong), query(&wrong)] {
        problem(refused.send().await.unwrap(), 422, "digest_mismatch").await;
    }
    assert_eq!(
        files(&stand.storage_folder()),
        Vec::<std::path::PathBuf>::new()
    );
    for taken in [content(&right), legacy(&right), query(&right)] {
        assert!(taken.send().await.unwrap().status().is_success());
    }
    let contradiction = query(&right).header("digest", format!("sha-256={}", base64(&wrong)));
    problem(contradiction.send().await.unwrap(), 400, "bad_parameter").await;
}

#[tokio::test]
async fn a_form_gives_its_file_part_whatever_else_it_holds() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let form = |part: &str, end: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nT\r\n\
             --b\r\nContent-Disposition: form-data; name=\"{part}\"; filename=\"a.mp4\"\r\n\
             Content-Type: video/mp4\r\n\r\nfilm bytes\r\n{end}"
        )
    };
    let send = |body: String| {
        stand
            .post("/api/v1/clips")
            .bearer_auth(&ada.key)
            .header("content-type", "multipart/form-data; boundary=b")
            .body(body)
            .send()
    };
    for part in ["file", "video", "clip", "mp4"] {
        let taken = send(form(part, "--b--\r\n")).await.unwrap();
        let body: Value = taken.json().await.unwrap();
        assert_eq!(body["clip"], Sha::of(b"film bytes").to_string());
    }
    problem(
        send(form("thumbnail", "--b--\r\n")).await.unwrap(),
        422,
        "no_file_part",
    )
    .await;
    problem(send(form("file", "")).await.unwrap(), 400, "incomplete").await;
}

/// Bytes that are never in memory at once, with their hash.
fn generated(pieces: usize, piece_bytes: usize) -> (reqwest::Body, Sha) {
    let piece = move |at: usize| Bytes::from(vec![(at % 251) as u8; piece_bytes]);
    let mut digest = Sha256::new();
    (0..pieces).for_each(|at| digest.update(piece(at)));
    let stream =
        futures::stream::iter((0..pieces).map(move |at| Ok::<_, std::io::Error>(piece(at))));
    (
        reqwest::Body::wrap_stream(stream),
        Sha::from_digest(digest.finalize().into()),
    )
}

fn peak_resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_passes_through_constant_memory() {
    const PIECE: usize = 256 * 1024;
    const PIECES: usize = 1024;
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let send = |body: reqwest::Body| {
        stand
            .post("/api/v1/clips")
            .bearer_auth(&ada.key)
            .body(body)
            .send()
    };
    // Warms up what is allocated once.
    send(generated(64, PIECE).0).await.unwrap();
    let before = peak_resident_kib();
    let (body, sha) = generated(PIECES, PIECE);
    let answer = send(body).await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let taken: Value = answer.json().await.unwrap();
    assert_eq!(taken["clip"], sha.to_string());
    assert_eq!(taken["bytes"], (PIECE * PIECES) as u64);
    let grown_kib = peak_resident_kib() - before;
    // 256 MiB went through; client and server together are in this process.
    assert!(
        grown_kib < 48 * 1024,
        "resident memory grew by {grown_kib} KiB"
    );
}
