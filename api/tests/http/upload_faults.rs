//! Uploads that go wrong leave nothing behind.

use std::path::PathBuf;
use std::time::Duration;

use botflix_common::hash::Sha;
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stand::{Director, LIMIT, Stand, files, problem, until};

/// Sends a head and some of the body, waits until the server has that much, and closes the connection.
async fn cut(stand: &Stand, director: &Director, framing: &str, sent: &[u8]) {
    let mut connection = TcpStream::connect(stand.server.local_addr()).await.unwrap();
    let head = format!(
        "POST /api/v1/clips HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n{framing}\r\n\r\n",
        director.key
    );
    let before = stand.metric("botflix_upload_bytes_total").await;
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(sent).await.unwrap();
    until("the server has what was sent", async || {
        stand.metric("botflix_upload_bytes_total").await > before
    })
    .await;
    drop(connection);
}

#[tokio::test]
async fn an_upload_cut_in_the_middle_leaves_nothing_visible() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let part = vec![7u8; 4096];
    cut(&stand, &ada, "content-length: 1000000", &part).await;
    let chunk = [b"1000\r\n".as_slice(), &part, b"\r\n"].concat();
    cut(&stand, &ada, "transfer-encoding: chunked", &chunk).await;
    until("both uploads are cleaned up", async || {
        files(&stand.storage_folder()).is_empty()
    })
    .await;
    let path = format!("/api/v1/clips/{}", Sha::of(&part));
    problem(
        stand.get(&path).bearer_auth(&ada.key).send().await.unwrap(),
        404,
        "not_found",
    )
    .await;
}

#[tokio::test]
async fn an_upload_that_stands_still_is_ended_and_leaves_nothing() {
    let stand = Stand::start_with(|config| config.upload_idle = Duration::from_millis(300)).await;
    let ada = stand.register("Ada").await;
    let mut connection = TcpStream::connect(stand.server.local_addr()).await.unwrap();
    let head = format!(
        "POST /api/v1/clips HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 1000\r\n\r\nabc",
        ada.key
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let read = connection.read_exact(&mut answer);
    tokio::time::timeout(LIMIT, read).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    until("the upload is cleaned up", async || {
        files(&stand.storage_folder()).is_empty()
    })
    .await;
}

#[tokio::test]
async fn empty_and_too_large_bodies_are_refused() {
    let stand = Stand::start_with(|config| config.max_clip_bytes = 1000).await;
    let ada = stand.register("Ada").await;
    let post = || stand.post("/api/v1/clips").bearer_auth(&ada.key);
    problem(post().body("").send().await.unwrap(), 422, "empty").await;
    let chunked = |bytes: Vec<u8>| {
        let piece = Ok::<_, std::io::Error>(bytes);
        reqwest::Body::wrap_stream(futures::stream::iter([piece]))
    };
    problem(
        post().body(chunked(Vec::new())).send().await.unwrap(),
        422,
        "empty",
    )
    .await;
    problem(
        post().body(vec![1; 1001]).send().await.unwrap(),
        413,
        "too_large",
    )
    .await;
    problem(
        post().body(chunked(vec![1; 1001])).send().await.unwrap(),
        413,
        "too_large",
    )
    .await;
    assert_eq!(files(&stand.storage_folder()), Vec::<PathBuf>::new());
    assert!(
        post()
            .body(vec![1; 1000])
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
}

#[tokio::test]
async fn a_sender_that_writes_all_before_it_reads_still_learns_why_it_was_refused() {
    // More than any socket buffer takes: the sender is still writing when the answer is made.
    const BODY_BYTES: usize = 32 * 1024 * 1024;
    let stand = Stand::start().await;
    let mut connection = TcpStream::connect(stand.server.local_addr()).await.unwrap();
    let head =
        format!("POST /api/v1/clips HTTP/1.1\r\nhost: x\r\ncontent-length: {BODY_BYTES}\r\n\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&vec![1; BODY_BYTES]).await.unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
}

#[tokio::test]
async fn who_asks_first_need_not_send_a_known_clip_again() {
    let stand = Stand::start().await;
    let (ada, eve) = (stand.register("Ada").await, stand.register("Eve").await);
    let sha = stand.upload(&ada, b"known bytes").await;
    let ask = async |director: &Director| {
        let mut connection = TcpStream::connect(stand.server.local_addr()).await.unwrap();
        let head = format!(
            "POST /api/v1/clips?sha256={} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 11\r\n\
             expect: 100-continue\r\n\r\n",
            sha.hex(),
            director.key
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        connection.read_exact(&mut answer).await.unwrap();
        String::from_utf8(answer.to_vec()).unwrap()
    };
    assert_eq!(ask(&ada).await, "HTTP/1.1 200");
    // That the farm has it is nobody else's business.
    assert_eq!(ask(&eve).await, "HTTP/1.1 100");
    let head = stand.request(Method::HEAD, &format!("/api/v1/clips/{sha}"));
    assert_eq!(
        head.bearer_auth(&eve.key).send().await.unwrap().status(),
        404
    );
}
