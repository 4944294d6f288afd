//! The boards as they lie in `dashboards/`: what is on them, and whether Grafana could lay them out.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Grafana's grid.
const COLUMNS: u64 = 24;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub struct Board {
    pub name: String,
    pub json: Value,
}

pub fn all() -> Vec<Board> {
    let mut boards = Vec::new();
    for entry in std::fs::read_dir(root().join("dashboards")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "json") {
            boards.push(Board {
                name: path.file_stem().unwrap().to_str().unwrap().to_owned(),
                json: serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap(),
            });
        }
    }
    boards.sort_by(|a, b| a.name.cmp(&b.name));
    boards
}

impl Board {
    fn panels(&self) -> &[Value] {
        self.json["panels"].as_array().unwrap()
    }

    /// Every expression with its panel's title, as Grafana would send it.
    pub fn expressions(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for panel in self.panels() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expression = target["expr"].as_str().unwrap();
                let sent = expression
                    .replace("$__rate_interval", "5m")
                    .replace("$worker", ".+");
                found.push((format!("{}: {}", self.name, panel["title"]), sent));
            }
        }
        found
    }
}

/// Names of ours in an expression.
pub fn names(expression: &str) -> BTreeSet<String> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '-';
    // Words in quotes are values of labels.
    let bare = expression.split('"').step_by(2);
    let words = bare.flat_map(|part| part.split(move |char| !is_part(char)));
    let ours = words.filter(|word| word.starts_with("botflix_") || word.starts_with("process_"));
    ours.map(str::to_owned).collect()
}

#[test]
fn the_boards_can_be_laid_out_and_explain_themselves() {
    let boards = all();
    let names: Vec<&str> = boards.iter().map(|board| board.name.as_str()).collect();
    assert_eq!(names, ["api", "catalog", "farm", "workers"]);
    let mut uids = HashSet::new();
    for board in &boards {
        assert!(uids.insert(board.json["uid"].as_str().unwrap().to_owned()));
        let variables = board.json["templating"]["list"].as_array().unwrap();
        assert_eq!(variables[0]["name"], "datasource", "{}", board.name);
        let (mut ids, mut cells) = (HashSet::new(), HashSet::new());
        for panel in board.panels() {
            let title = format!("{}: {}", board.name, panel["title"]);
            assert!(!panel["title"].as_str().unwrap().is_empty());
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
            let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            assert!(place("w") > 0 && place("h") > 0, "{title}");
            assert!(place("x") + place("w") <= COLUMNS, "{title}");
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(cells.insert((x, y)), "{title} lies over another");
                }
            }
            if panel["type"] == "row" {
                continue;
            }
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
            let described = panel["description"].as_str().unwrap();
            assert!(!described.is_empty(), "{title}");
            let unit = &panel["fieldConfig"]["defaults"]["unit"];
            assert!(unit.is_string(), "{title}");
            let targets = panel["targets"].as_array().unwrap();
            let letters: HashSet<&str> = targets
                .iter()
                .map(|target| target["refId"].as_str().unwrap())
                .collect();
            assert!(
                !targets.is_empty() && letters.len() == targets.len(),
                "{title}"
            );
        }
    }
}

#[test]
fn names_are_found_outside_quotes_only() {
    let found = names("sum(rate(botflix_a_total{job=\"botflix-api\"}[5m])) / process_b");
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(found, ["botflix_a_total", "process_b"]);
}
