//! The pages for directors say what the program does: every field of the manifest with its limits, every example that they point at. What is
//! shipped for deployment names what there is, and so does the table of settings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use botflix_common::findings::RULES;
use botflix_common::schema::Document;
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Rows of the page's tables by the name of their section's type and the name of their field.
fn rows(page: &str) -> BTreeMap<(String, String), Vec<String>> {
    let mut section = String::new();
    let mut rows = BTreeMap::new();
    for line in page.lines() {
        if line.starts_with('#') {
            section = line.split('`').nth(1).unwrap_or_default().to_owned();
        } else if let Some(field) = line.strip_prefix("| `") {
            let (field, rest) = field.split_once('`').unwrap();
            let cells = rest.split('|').skip(1).map(|cell| cell.trim().to_owned());
            rows.insert((section.clone(), field.to_owned()), cells.collect());
        }
    }
    rows
}

fn number(value: &Value) -> Option<String> {
    value.as_f64().map(|number| number.to_string())
}

/// What the schema says of one field, as words that its row must have.
fn words(schema: &Value, field: &Value) -> Vec<String> {
    let mut words = Vec::new();
    for (least, most) in [
        ("minimum", "maximum"),
        ("minLength", "maxLength"),
        ("minItems", "maxItems"),
    ] {
        let most = number(&field[most]);
        let least = number(&field[least]).or(most.is_some().then(|| "0".to_owned()));
        if let (Some(least), Some(most)) = (least, most) {
            words.push(format!("{least}–{most}"));
        }
    }
    let reference = field["$ref"].as_str().unwrap_or_default();
    let meant = schema
        .pointer(reference.trim_start_matches('#'))
        .filter(|_| !reference.is_empty());
    for constant in meant.into_iter().flat_map(names) {
        words.push(format!("`{constant}`"));
    }
    if let Value::Number(_) | Value::Bool(_) | Value::String(_) = &field["default"] {
        let default = &field["default"];
        words.push(
            default
                .as_str()
                .map(str::to_owned)
                .or_else(|| number(default))
                .unwrap_or_else(|| default.to_string()),
        );
    }
    words
}

/// The words of an enumeration, with or without explanations of their own.
fn names(schema: &Value) -> Vec<String> {
    let listed = schema["enum"].as_array().into_iter().flatten();
    let explained = schema["oneOf"].as_array().into_iter().flatten();
    let constants = explained.flat_map(|one| {
        let several = one["enum"].as_array().cloned().unwrap_or_default();
        several
            .into_iter()
            .chain([one["const"].clone()])
            .collect::<Vec<_>>()
    });
    let all = listed.cloned().chain(constants);
    all.filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

#[test]
fn the_page_on_manifests_has_every_field_with_its_limits() {
    let page = std::fs::read_to_string(root().join("docs/manifest.md")).unwrap();
    let rows = rows(&page);
    let schema = Document::ShotManifest.schema();
    let mut wrong = Vec::new();
    let mut known = 0;
    let whole = [("ShotManifest", schema)].into_iter();
    let parts = schema["$defs"].as_object().unwrap().iter();
    for (name, part) in whole.chain(parts.map(|(name, part)| (name.as_str(), part))) {
        for (field, meant) in part["properties"].as_object().into_iter().flatten() {
            known += 1;
            let Some(row) = rows.get(&(name.to_owned(), field.clone())) else {
                wrong.push(format!("{name}.{field} is not on the page"));
                continue;
            };
            let text = row.join(" ");
            let missing = words(schema, meant)
                .into_iter()
                .filter(|word| !text.contains(word.as_str()));
            wrong
                .extend(missing.map(|word| format!("{name}.{field}: {word} is not in \"{text}\"")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        rows.len(),
        known,
        "the page has fields that the schema has not"
    );
}

#[test]
fn every_example_that_the_page_points_at_has_the_field() {
    let page = std::fs::read_to_string(root().join("docs/manifest.md")).unwrap();
    for ((section, field), row) in rows(&page) {
        let Some(link) = row.iter().find_map(|cell| cell.split_once("](../")) else {
            assert!(
                ["Source", "ClipSource"].contains(&section.as_str()),
                "{section}.{field} has no example"
            );
            continue;
        };
        let example = std::fs::read_to_string(root().join(link.1.trim_end_matches(')'))).unwrap();
        assert!(
            example.contains(&format!("\"{field}\":")),
            "{} has no {field}",
            link.1
        );
    }
}

#[test]
fn the_page_on_findings_has_every_rule_with_its_limit() {
    let page = std::fs::read_to_string(root().join("docs/findings.md")).unwrap();
    let rows: BTreeMap<String, Vec<String>> = rows(&page)
        .into_iter()
        .map(|((_, rule), cells)| (rule, cells))
        .collect();
    for rule in RULES {
        let limit = rule.limit.map(|limit| format!("{limit} {}", rule.unit));
        let severity = format!("{:?}", rule.severity).to_lowercase();
        let wanted = [
            severity,
            limit.unwrap_or_default(),
            rule.what.to_owned(),
            rule.source.to_owned(),
        ];
        let row = rows
            .get(rule.id)
            .unwrap_or_else(|| panic!("{} is not on the page", rule.id));
        assert_eq!(row.get(..4).unwrap(), wanted, "{}", rule.id);
    }
    assert_eq!(
        rows.len(),
        RULES.len(),
        "the page has rules that the program has not"
    );
}

/// Every Rust source below a folder of the workspace.
fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}

#[test]
fn no_program_finds_what_the_table_of_rules_has_not() {
    let mut all = Vec::new();
    for part in ["common", "media", "worker", "api", "cli"] {
        sources(&root().join(part).join("src"), &mut all);
    }
    for (path, text) in &all {
        let place = path.to_string_lossy();
        // The rules' own constructors, and tests that read findings rather than make them.
        if place.ends_with("findings/mod.rs") || place.ends_with("tests.rs") {
            continue;
        }
        let product = text.split("#[cfg(test)]").next().unwrap();
        let by_hand = product.contains("rule: rule.to_owned()");
        let literal = product.contains("rule: \"");
        assert!(
            !by_hand && !literal,
            "{place} makes a finding by hand: take its rule from the table"
        );
    }
}

/// The long flags that a command explains in its help.
fn flags(command: &str) -> BTreeSet<String> {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_botflix"))
        .args([command, "--help"])
        .output()
        .unwrap();
    assert!(help.status.success(), "there is no command {command}");
    let help = String::from_utf8(help.stdout).unwrap();
    let first = help.lines().filter_map(|line| long_flag(line.trim_start()));
    let second = help.lines().filter_map(|line| {
        let (short, long) = line.trim_start().split_once(", ")?;
        (short.len() == 2 && short.starts_with('-'))
            .then(|| long_flag(long))
            .flatten()
    });
    first.chain(second).collect()
}

/// `--some-flag` where the text begins with one.
fn long_flag(text: &str) -> Option<String> {
    let name = text.strip_prefix("--")?;
    let end = name.find(|ch: char| !ch.is_ascii_lowercase() && ch != '-');
    let name = &name[..end.unwrap_or(name.len())];
    (!name.is_empty() && !name.starts_with('-')).then(|| format!("--{name}"))
}

/// Every long flag that a text names.
fn named_flags(text: &str) -> BTreeSet<String> {
    let places = text.match_indices("--");
    places
        .filter(|(at, _)| !text[..*at].ends_with('-'))
        .filter_map(|(at, _)| long_flag(&text[at..]))
        .collect()
}

#[test]
fn the_table_of_settings_names_flags_that_its_commands_have() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, table) = readme.split_once("## Configuration").unwrap();
    let mut known = BTreeMap::new();
    let mut checked = 0;
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        // Between two values a bar is written with a backslash.
        let row = row.replace("\\|", "/");
        let cells: Vec<&str> = row.split('|').collect();
        let commands = cells[2].split('`').skip(1).step_by(2);
        let mut commands: Vec<&str> = commands
            .filter_map(|command| command.split(' ').next())
            .collect();
        if commands.is_empty() {
            // "all", or "all that run ffmpeg".
            commands = vec!["up", "worker", "render", "inspect"];
        }
        for flag in named_flags(cells[1]) {
            for command in &commands {
                let has = known
                    .entry((*command).to_owned())
                    .or_insert_with(|| flags(command));
                assert!(has.contains(&flag), "`{command}` has no {flag}: {row}");
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "only {checked} flags are in the table");
}

#[test]
fn every_flag_of_a_farms_processes_is_on_a_page() {
    let pages = ["README.md", "docs/operators.md", "docs/deploying.md"];
    let pages = pages.map(|page| std::fs::read_to_string(root().join(page)).unwrap());
    let named = named_flags(&pages.concat());
    for command in ["up", "api", "worker"] {
        let has = flags(command);
        assert!(has.len() > 5, "{command}: {has:?}");
        let missing: Vec<_> = has.difference(&named).collect();
        assert!(
            missing.is_empty(),
            "of `{command}` no page names {missing:?}"
        );
    }
}

#[test]
fn what_is_shipped_for_deployment_fits_the_program_and_the_tools_that_read_it() {
    let python = root().join(".venv/bin/python");
    if !python.is_file() {
        assert!(
            std::env::var_os("BOTFLIX_TEST_ALL").is_none(),
            "there is no .venv: make setup-test"
        );
        eprintln!("skipped: there is no .venv");
        return;
    }
    let checked = std::process::Command::new(python)
        .arg(root().join("scripts/check-deploy"))
        .arg(env!("CARGO_BIN_EXE_botflix"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&checked.stdout);
    let complained = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}\n{complained}");
}
