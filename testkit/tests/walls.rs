//! The walls check must be able to fail: each rule is given what it forbids, and the same thing at home.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use botflix_testkit::walls::{Violation, check_metadata, check_text};

fn rules(path: &str, code: &str) -> Vec<&'static str> {
    let text = format!("//! A room.\n{code}\n");
    check_text(path, &text)
        .into_iter()
        .map(|violation| violation.rule)
        .collect()
}

#[test]
fn a_thing_in_the_wrong_room_is_found_and_the_same_at_home_is_not() {
    let cases = [
        (
            "spawning",
            "let c = Command::new(\"ffmpeg\");",
            "api/src/farm/mod.rs",
            "media/src/process/child.rs",
        ),
        (
            "sql",
            "sqlx::query(\"SELECT 1\")",
            "worker/src/node.rs",
            "api/src/db/clips.rs",
        ),
        (
            "apalis",
            "use apalis::prelude::*;",
            "api/src/farm/dispatch.rs",
            "worker/src/node.rs",
        ),
        (
            "pure-common",
            "use crate::queue::Queue;",
            "common/src/plan/mod.rs",
            "common/src/queue/lease.rs",
        ),
        (
            "object-path",
            "let path = format!(\"blobs/{x}\");",
            "worker/src/runner.rs",
            "common/src/storage_key.rs",
        ),
        (
            "status-code",
            "StatusCode::NOT_FOUND",
            "api/src/farm/mod.rs",
            "api/src/error.rs",
        ),
        (
            "environment",
            "std::env::var(\"X\")",
            "worker/src/node.rs",
            "cli/src/settings.rs",
        ),
        (
            "unbounded",
            "tokio::sync::mpsc::unbounded_channel()",
            "worker/src/node.rs",
            "",
        ),
    ];
    for (rule, code, wrong, home) in cases {
        assert_eq!(rules(wrong, code), [rule], "{code} in {wrong}");
        if !home.is_empty() {
            assert!(rules(home, code).is_empty(), "{code} in {home}");
        }
    }
}

#[test]
fn a_violation_names_its_line() {
    let found = check_text("api/src/web/mod.rs", "//! Pages.\n\nuse sqlx::Row;\n");
    let lines: Vec<(usize, &str)> = found
        .iter()
        .map(|Violation { line, rule, .. }| (*line, *rule))
        .collect();
    assert_eq!(lines, [(3, "sql")]);
}

#[test]
fn comments_and_test_modules_may_name_what_the_code_may_not() {
    assert!(rules("worker/src/node.rs", "// sqlx::query stays in api").is_empty());
    assert!(rules("worker/src/node.rs", "let a = 1; // not env::var").is_empty());
    let tests = "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() { std::env::var(\"X\"); }\n}";
    assert!(rules("worker/src/node.rs", tests).is_empty());
    let beside = "#[cfg(test)]\nmod tests;\nfn f() { std::env::var(\"X\"); }";
    assert_eq!(rules("worker/src/node.rs", beside), ["environment"]);
    assert_eq!(rules("worker/tests/sql.rs", "use sqlx::Row;"), ["sql"]);
}

#[test]
fn the_shape_of_a_file_is_checked() {
    let long = format!("//! Long.\n{}", "\n".repeat(500));
    assert_eq!(check_text("api/src/lib.rs", &long)[0].rule, "shape");
    assert_eq!(
        check_text("api/src/lib.rs", "use std::fmt;\n")[0].rule,
        "shape"
    );
    assert_eq!(rules("api/src/utils.rs", ""), ["shape"]);
}

#[test]
fn a_folder_of_one_machine_is_found_in_any_text() {
    let here = concat!("see /wo", "rk/notes\n");
    assert_eq!(check_text("docs/notes.md", here)[0].rule, "machine-path");
    assert!(check_text("docs/notes.md", concat!("see docs/wo", "rk/notes\n")).is_empty());
}

#[test]
fn a_dependency_through_a_wall_is_found() {
    let metadata = |name: &str, dependency: &str, kind: &str, features: &str| {
        format!(
            r#"{{"packages":[{{"name":"{name}","features":{{}},"dependencies":[
                {{"name":"{dependency}","kind":{kind},"features":[{features}]}}]}}]}}"#
        )
    };
    let found = |json: String| check_metadata(json.as_bytes()).unwrap().len();
    assert_eq!(found(metadata("botflix-worker", "sqlx", "null", "")), 1);
    assert_eq!(
        found(metadata("botflix-api", "botflix-media", "null", "")),
        1
    );
    assert_eq!(
        found(metadata("botflix-common", "botflix-api", "null", "")),
        1
    );
    assert_eq!(
        found(metadata(
            "botflix-media",
            "botflix-common",
            "null",
            "\"queue\""
        )),
        1
    );
    assert_eq!(
        found(metadata("botflix-api", "botflix-testkit", "null", "")),
        1
    );
    assert_eq!(found(metadata("botflix-new", "serde", "null", "")), 1);
    assert_eq!(
        found(metadata("botflix-api", "botflix-testkit", "\"dev\"", "")),
        0
    );
    assert_eq!(
        found(metadata("botflix-media", "botflix-common", "null", "")),
        0
    );
}
