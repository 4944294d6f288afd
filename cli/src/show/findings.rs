//! Findings as a table for people: where, which rule, what, and the first way out.

use botflix_common::finding::{Finding, Severity};

use super::table::Table;
use super::timecode;

pub fn table(findings: &[Finding]) -> String {
    let mut table = Table::new(&["", "shot", "at", "rule", "what", "fix"]);
    for finding in findings {
        let fix = finding.fixes.first();
        table.row([
            severity(finding.severity).to_owned(),
            finding.shot.clone().unwrap_or_else(|| "film".to_owned()),
            place(finding),
            finding.rule.clone(),
            finding.message.clone(),
            fix.map(|fix| fix.title.clone()).unwrap_or_default(),
        ]);
    }
    table.to_string()
}

/// On stderr, or nothing where there is nothing.
pub fn tell(findings: &[Finding]) {
    if !findings.is_empty() {
        eprintln!("{}", table(findings));
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn place(finding: &Finding) -> String {
    match (finding.at_seconds, finding.until_seconds) {
        (Some(at), Some(until)) => format!("{}–{}", timecode(at), timecode(until)),
        (Some(at), None) => timecode(at),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use botflix_common::finding::Fix;

    #[test]
    fn a_finding_is_a_row_with_its_place_and_its_first_way_out() {
        let finding = Finding {
            rule: "black".to_owned(),
            severity: Severity::Warning,
            shot: Some("s07".to_owned()),
            at_seconds: Some(61.5),
            until_seconds: Some(62.25),
            message: "Black for 0.75 s.".to_owned(),
            fixes: vec![Fix {
                title: "Trim it.".to_owned(),
                ..Fix::default()
            }],
            ..Finding::default()
        };
        let text = table(&[finding]);
        let row = text.lines().nth(1).unwrap();
        let cells: Vec<&str> = row
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect();
        assert_eq!(
            cells,
            [
                "warning",
                "s07",
                "1:01.500–1:02.250",
                "black",
                "Black for 0.75 s.",
                "Trim it."
            ]
        );
    }
}
