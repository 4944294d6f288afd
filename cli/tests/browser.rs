//! The pages in a real Chromium: what a viewer sees, on a desk and on a phone. The looking is in `testkit/browser/check.mjs`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use botflix_testkit::{Binary, Missing, Up, optional, process, story};

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_finds_a_film_and_watches_it_with_captions_on_desk_and_phone() {
    let Some((node, modules)) = optional(browser()) else {
        return;
    };
    let up = Up::start(&Binary::at(env!("CARGO_BIN_EXE_botflix"))).unwrap();
    let director = up
        .client()
        .unwrap()
        .register("Ada's Director")
        .await
        .unwrap();
    let manifest = story::short(&director, "The Short Story").await.unwrap();
    let render = director.submit(&manifest).await.unwrap();
    director
        .published(render.id, story::PATIENCE)
        .await
        .unwrap();

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/browser/check.mjs");
    let screenshots = modules.ancestors().nth(2).unwrap().join("screenshots");
    let mut command = Command::new(node);
    command
        .arg(script)
        .arg(up.base())
        .arg(&screenshots)
        .env("BOTFLIX_BROWSER_MODULES", &modules);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    assert!(
        output.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        told.lines().filter(|line| line.starts_with("ok: ")).count(),
        12
    );
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
