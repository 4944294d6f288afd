//! What a Rust file may say, line by line: comments are passed over, and test code where a rule does not hold for it.

use super::Violation;
use super::rules::{EMPTY_NAMES, MAX_LINES, WORDS, WordRule};

pub(super) fn check(path: &str, text: &str) -> Vec<Violation> {
    let mut violations = shape(path, text);
    for rule in WORDS.iter().filter(|rule| rule.holds_in(path)) {
        for line in lines(path, text).filter(|line| rule.tests_too || !line.test) {
            if rule.unless.iter().any(|word| line.code.contains(*word)) {
                continue;
            }
            if let Some(word) = rule.words.iter().find(|word| line.code.contains(*word)) {
                violations.push(Violation {
                    file: path.to_owned(),
                    line: line.number,
                    rule: rule.rule,
                    found: format!("`{word}`"),
                    why: rule.why,
                });
            }
        }
    }
    violations
}

impl WordRule {
    fn holds_in(&self, path: &str) -> bool {
        let below = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
        // The rules name the words they forbid.
        (self.within.is_empty() || below(self.within))
            && !below(self.home)
            && !path.starts_with("testkit/src/walls/")
            && path != "testkit/tests/walls.rs"
    }
}

struct Line<'a> {
    number: usize,
    code: &'a str,
    test: bool,
}

fn lines<'a>(path: &str, text: &'a str) -> impl Iterator<Item = Line<'a>> {
    let test_file = path.contains("/tests/") || path.ends_with("/tests.rs");
    let tests_from = tests_module(text).unwrap_or(usize::MAX);
    text.lines().enumerate().map(move |(at, line)| Line {
        number: at + 1,
        code: without_comment(line),
        test: test_file || at >= tests_from,
    })
}

/// The line of `#[cfg(test)]` before a module with a body. By our habit it is the last thing in its file.
fn tests_module(text: &str) -> Option<usize> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let opens = |pair: &[&str]| matches!(pair, ["#[cfg(test)]", module] if module.starts_with("mod ") && module.ends_with('{'));
    lines.windows(2).position(opens)
}

/// `//` inside a text, as in a URL, follows no blank.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") {
        return "";
    }
    line.split_once(" //").map_or(line, |(code, _)| code)
}

fn shape(path: &str, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut add = |line, found: String, why| {
        violations.push(Violation {
            file: path.to_owned(),
            line,
            rule: "shape",
            found,
            why,
        });
    };
    if !text.starts_with("//!") {
        add(
            1,
            "no `//!`".to_owned(),
            "a file opens with what this room is and what it must not know",
        );
    }
    let count = text.lines().count();
    if count > MAX_LINES {
        add(
            count,
            format!("{count} lines"),
            "no source file is longer than 500 lines; look for a seam at 300",
        );
    }
    let stem = path
        .rsplit('/')
        .next()
        .unwrap_or(path)
        .trim_end_matches(".rs");
    if EMPTY_NAMES.contains(&stem) {
        add(
            0,
            format!("a file named {stem}"),
            "name the thing that is in it",
        );
    }
    violations
}
