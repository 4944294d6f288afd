//! Uploads: cut ones leave nothing, large ones need no memory.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use botflix_common::hash::Sha;
use botflix_testkit::{Client, Farm, deadline};
use futures::stream;
use reqwest::{Method, StatusCode};

use crate::binary;

const MIB: usize = 1024 * 1024;
/// The whole resident memory of the API while a clip of [`LARGE_BYTES`] comes in.
const MEMORY_LIMIT_KIB: u64 = 100 * 1024;
const LARGE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_cut_leaves_nothing() {
    let farm = Farm::builder(binary()).workers(&[]).start().await.unwrap();
    let director = farm.director().await.unwrap();
    let announced = vec![7u8; 4 * MIB];
    cut_upload(&farm.base(), &director, &announced, 3 * MIB);

    deadline::settles(
        "object storage is empty",
        Duration::from_secs(20),
        async || Ok(farm.objects()),
        Vec::is_empty,
    )
    .await
    .unwrap();
    let path = format!("/api/v1/clips/{}", Sha::of(&announced));
    let answer = director.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);

    // The same bytes, whole this time, are taken.
    let sent = director.upload(announced.clone()).await.unwrap();
    assert_eq!(
        (sent.clip, sent.bytes),
        (Sha::of(&announced), announced.len() as u64)
    );
    assert_eq!(
        farm.objects()
            .iter()
            .filter(|object| object.contains(&sent.clip.hex()))
            .count(),
        1
    );
}

/// Announces all of `bytes`, sends the first `kept` of them, and closes the connection.
fn cut_upload(base: &str, director: &Client, bytes: &[u8], kept: usize) {
    let address = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let (length, key) = (bytes.len(), director.key().unwrap());
    write!(
        stream,
        "POST /api/v1/clips HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nContent-Length: {length}\r\n\r\n"
    )
    .unwrap();
    stream.write_all(&bytes[..kept]).unwrap();
    stream.flush().unwrap();
    stream.shutdown(Shutdown::Both).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_those_declared_are_not_kept() {
    let farm = Farm::builder(binary()).workers(&[]).start().await.unwrap();
    let director = farm.director().await.unwrap();
    let other = Sha::of(b"something else").hex();
    let call = director.request(Method::POST, &format!("/api/v1/clips?sha256={other}"));
    let answer = call.body(vec![1u8; MIB]).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(farm.objects().is_empty(), "{:?}", farm.objects());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gibibytes_pass_through_less_than_a_hundred_megabytes() {
    let mut farm = Farm::builder(binary()).workers(&[]).start().await.unwrap();
    let director = farm.director().await.unwrap();
    let chunk = bytes_of(MIB);
    let chunks = (0..LARGE_BYTES / MIB as u64).map(move |_| Ok::<_, std::io::Error>(chunk.clone()));
    let sent = director
        .upload(reqwest::Body::wrap_stream(stream::iter(chunks)))
        .await
        .unwrap();
    assert_eq!(sent.bytes, LARGE_BYTES);

    let pid = farm.api().unwrap().pid();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let peak_kib: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    assert!(
        peak_kib < MEMORY_LIMIT_KIB,
        "the API peaked at {peak_kib} KiB"
    );
}

/// Bytes that do not compress and do not repeat within the chunk.
fn bytes_of(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(step).take(length).collect()
}
