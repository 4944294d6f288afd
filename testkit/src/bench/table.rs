//! The report as Markdown.

use std::fmt::Write as _;

use super::contestant::{Cache, Contestant};
use super::goals::Goal;
use super::judge::Verdict;
use super::rounds::{Line, Sample};

/// One case: who took how long, and who was right.
pub(super) fn case(title: &str, lines: &[Line]) -> String {
    let mut text = format!("### {title}\n\n");
    text.push_str("| | wall s | CPU s | peak MiB | wall ÷ ours, known | wall ÷ ours, cold | pictures | ends apart ms | farthest sound ms | LUFS | dBTP | wrong |\n");
    text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n");
    let ours = |cold: bool| {
        lines.iter().find(|line| match &line.contestant {
            Contestant::Ours {
                cache,
                workers: None,
                draft: false,
            } => cold == (*cache == Cache::Cold),
            _ => false,
        })
    };
    let (known, cold) = (ours(false), ours(true));
    for line in lines {
        row(&mut text, line, known, cold);
    }
    text
}

fn row(text: &mut String, line: &Line, known: Option<&Line>, cold: Option<&Line>) {
    let label = line.contestant.label();
    let Some(last) = line.samples.last() else {
        let why = line.broke.as_deref().unwrap_or("not run");
        let why = why.lines().next().unwrap_or_default().replace('|', "/");
        writeln!(text, "| {label} | | | | | | | | | | | failed: {why} |").ok();
        return;
    };
    let times = |other: Option<&Line>| {
        let ratio = line.ratio(other?, |cost| cost.wall_s)?;
        Some(format!("{ratio:.2}"))
    };
    writeln!(
        text,
        "| {label} | {} | {} | {} | {} | {} | {} | {:+.0} | {} | {:.1} | {:.1} | {} |",
        figure(line.median(|cost| cost.wall_s)),
        figure(line.median(|cost| cost.cpu_s)),
        line.median(|cost| cost.peak_bytes as f64 / f64::from(1 << 20))
            .map_or_else(String::new, |mib| format!("{mib:.0}")),
        times(known).unwrap_or_default(),
        times(cold).unwrap_or_default(),
        pictures(&last.verdict),
        last.verdict.ends_apart_ms,
        last.verdict
            .clap_ms
            .map_or_else(String::new, |clap| if clap.is_finite() {
                format!("{clap:+.1}")
            } else {
                "lost".to_owned()
            }),
        last.verdict.lufs,
        last.verdict.dbtp,
        wrong(line),
    )
    .ok();
}

fn pictures(verdict: &Verdict) -> String {
    format!("{} of {}", verdict.frames, verdict.expected)
}

/// Of every film that was made, not of one that happened to be good.
fn wrong(line: &Line) -> String {
    let all: Vec<Vec<String>> = line
        .samples
        .iter()
        .map(|Sample { verdict, .. }| verdict.faults())
        .collect();
    let worst = all.into_iter().max_by_key(Vec::len).unwrap_or_default();
    let mut words = if worst.is_empty() {
        "nothing".to_owned()
    } else {
        worst.join(", ")
    };
    if line.broke.is_some() {
        words.push_str("; failed in a later round");
    }
    words
}

pub(super) fn goals(goals: &[Goal]) -> String {
    let mut text = "### Goals\n\n| | wanted | measured | |\n|---|--:|--:|---|\n".to_owned();
    for goal in goals {
        let (measured, met) = match goal.measured {
            Some(measured) => (
                format!("{measured:.2}"),
                if goal.is_met() { "met" } else { "**not met**" },
            ),
            None => (String::new(), "not measured"),
        };
        let sign = if goal.at_least { "≥" } else { "≤" };
        writeln!(
            text,
            "| {} | {sign} {:.2} | {measured} | {met} |",
            goal.what, goal.wanted
        )
        .ok();
    }
    text
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.2}"))
}
