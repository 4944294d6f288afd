//! The pages in a real Chromium: what a viewer sees, on a desk and on a phone. The looking is in `testkit/browser`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use botflix_testkit::client::Client;
use botflix_testkit::material::Picture;
use botflix_testkit::{Binary, Missing, Up, optional, process, story};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_finds_a_film_and_watches_it_with_captions_on_desk_and_phone() {
    let Some((node, modules)) = optional(browser()) else {
        return;
    };
    let (up, director) = studio().await;
    let manifest = story::short(&director, "The Short Story").await.unwrap();
    let render = director.submit(&manifest).await.unwrap();
    director
        .published(render.id, story::PATIENCE)
        .await
        .unwrap();

    let holds = look(&node, &modules, "check.mjs", &[up.base()]);
    assert_eq!(holds, 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_in_av1_plays_and_one_that_the_browser_lacks_is_said_to() {
    let Some((node, modules)) = optional(browser()) else {
        return;
    };
    let (_up, director) = studio().await;
    let clip = story::send(&director, &Picture::plain(3).make().unwrap())
        .await
        .unwrap();
    let mut pages = Vec::new();
    for codec in ["av1", "hevc"] {
        let manifest = json!({
            "title": format!("Delivered as {codec}"),
            "delivery": {"codec": codec},
            "shots": [{"id": "only", "source": {"clip": clip}}],
        });
        let render = director.submit(&manifest).await.unwrap();
        let episode = director.published(render.id, story::PATIENCE).await;
        pages.push(episode.unwrap().watch_url);
    }
    // Debian's Chromium decodes AV1, and no HEVC.
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    assert_eq!(look(&node, &modules, "codecs.mjs", &pages), 2);
}

/// Runs a script of `testkit/browser` and counts what holds.
fn look(node: &Path, modules: &Path, script: &str, pages: &[&str]) -> usize {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/browser");
    let screenshots = modules.ancestors().nth(2).unwrap().join("screenshots");
    let output = Command::new(node)
        .arg(scripts.join(script))
        .arg(&screenshots)
        .args(pages)
        .env("BOTFLIX_BROWSER_MODULES", modules)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    assert!(
        output.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    told.lines().filter(|line| line.starts_with("ok: ")).count()
}

/// Node and the folder that `make setup-test` put the modules in: named by the environment, or in the default target folder.
fn browser() -> anyhow::Result<(PathBuf, PathBuf)> {
    let named = std::env::var_os("BOTFLIX_BROWSER_MODULES").map(PathBuf::from);
    let modules = named.unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/browser/node_modules")
    });
    if !modules.join("playwright-core").is_dir() || !Path::new("/usr/bin/chromium").is_file() {
        return Err(Missing("chromium and playwright-core".to_owned()).into());
    }
    Ok((process::find("node")?, modules))
}

/// A farm, and a director who is registered with it.
async fn studio() -> (Up, Client) {
    let up = Up::start(&Binary::at(env!("CARGO_BIN_EXE_botflix"))).unwrap();
    let client = up.client().unwrap();
    let director = client.register("Ada's Director").await.unwrap();
    (up, director)
}
