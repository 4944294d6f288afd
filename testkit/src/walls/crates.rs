//! Which crate may depend on which, read from `cargo metadata`.

use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use super::Violation;
use super::rules::{ADAPTERS, CRATES, CrateRule, NO_ADAPTERS};
use crate::process::{find, run};

#[derive(Deserialize)]
pub(super) struct Metadata {
    pub packages: Vec<Package>,
}

#[derive(Deserialize)]
pub(super) struct Package {
    name: String,
    dependencies: Vec<Dependency>,
    #[serde(default)]
    features: std::collections::BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build`, or absent for an ordinary one.
    kind: Option<String>,
    features: Vec<String>,
}

pub(super) fn metadata(root: &Path) -> Result<Metadata> {
    let manifest = root.join("Cargo.toml").display().to_string();
    let args = [
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--locked",
        "--offline",
        "--manifest-path",
        &manifest,
    ];
    Ok(serde_json::from_slice(&run(&find("cargo")?, args)?)?)
}

pub(super) fn check(metadata: &Metadata) -> Vec<Violation> {
    let mut violations = Vec::new();
    for package in &metadata.packages {
        match CRATES.iter().find(|rule| rule.name == package.name) {
            Some(rule) => violations.extend(dependencies(package, rule)),
            None => violations.push(violation(
                package,
                "a crate without walls",
                "give it a line in testkit/src/walls/rules.rs",
            )),
        }
        violations.extend(adapters(package));
    }
    violations
}

fn dependencies<'a>(
    package: &'a Package,
    rule: &'a CrateRule,
) -> impl Iterator<Item = Violation> + 'a {
    let ordinary = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind.as_deref() != Some("dev"));
    ordinary.filter_map(move |dependency| {
        if rule
            .never
            .iter()
            .any(|never| matches(never, &dependency.name))
        {
            let why = "the table of rooms and walls in ARCHITECTURE.md forbids it";
            return Some(violation(
                package,
                &format!("depends on {}", dependency.name),
                why,
            ));
        }
        let in_product = dependency.name == "botflix-testkit";
        in_product.then(|| {
            violation(
                package,
                "depends on botflix-testkit",
                "the testkit is a dev-dependency only",
            )
        })
    })
}

fn adapters(package: &Package) -> Option<Violation> {
    if package.features.get("default").is_some_and(|on| {
        on.iter()
            .any(|feature| ADAPTERS.contains(&feature.as_str()))
    }) {
        return Some(violation(
            package,
            "an adapter is on by default",
            "the adapters of common are off by default",
        ));
    }
    let common = package
        .dependencies
        .iter()
        .find(|dependency| dependency.name == "botflix-common")?;
    let adapter = common
        .features
        .iter()
        .find(|feature| ADAPTERS.contains(&feature.as_str()))?;
    NO_ADAPTERS.contains(&package.name.as_str()).then(|| {
        violation(
            package,
            &format!("takes {adapter} of botflix-common"),
            "this room has only the types of common",
        )
    })
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |start| name.starts_with(start))
}

fn violation(package: &Package, found: &str, why: &'static str) -> Violation {
    let folder = package
        .name
        .strip_prefix("botflix-")
        .unwrap_or(&package.name);
    Violation {
        file: format!("{folder}/Cargo.toml"),
        line: 0,
        rule: "crates",
        found: found.to_owned(),
        why,
    }
}
