//! `botflix fix`: the fixes of a report, applied to the manifest that it is about.

use std::path::Path;

use botflix_common::finding::Finding;
use botflix_common::findings::PatchError;
use botflix_common::problem::FieldProblem;
use serde::Deserialize;
use serde_json::Value;

use crate::args::FixArgs;
use crate::cache::write_json;
use crate::exit::{Exit, Fault};
use crate::fixes::{self, Outcome, Step};
use crate::show::say;
use crate::show::table::Table;
use crate::sources::{offline_problems, read_document};

pub fn run(args: &FixArgs) -> Result<Exit, Fault> {
    let bytes = read_document(&args.manifest)?;
    let manifest = document(&args.manifest, &bytes)?;
    let found = findings(&args.report)?;
    let unknown: Vec<&String> = args
        .only
        .iter()
        .filter(|rule| found.iter().all(|finding| finding.rule != **rule))
        .collect();
    for rule in unknown {
        eprintln!("the report has no finding of the rule {rule}");
    }
    let (fixed, steps) =
        fixes::apply(&manifest, &found, &args.only).map_err(|error| misfit(args, &error))?;
    tell(&steps);
    still_valid(&bytes, &fixed)?;
    match &args.out {
        Some(out) => {
            write_json(&fixed, out)?;
            say(&out.display().to_string())?;
        }
        None => {
            let text = serde_json::to_string_pretty(&fixed).map_err(|error| {
                Fault::permanent("the manifest cannot be written").because(error)
            })?;
            say(&text)?;
        }
    }
    Ok(Exit::Done)
}

fn document(path: &Path, bytes: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(bytes).map_err(|error| {
        Fault::permanent(format!("{} is not JSON", path.display()))
            .because(error)
            .hint("botflix validate manifest FILE says everything that is wrong with it")
    })
}

/// Of a report, a plan or an inspection: all have them under this name.
fn findings(path: &Path) -> Result<Vec<Finding>, Fault> {
    #[derive(Deserialize)]
    struct Found {
        findings: Vec<Finding>,
    }
    let found: Found = serde_json::from_slice(&read_document(path)?).map_err(|error| {
        Fault::permanent(format!("{} has no findings", path.display()))
            .because(error)
            .hint("botflix render … --report FILE writes a report; render --plan --json and inspect --json have findings, too")
    })?;
    Ok(found.findings)
}

fn misfit(args: &FixArgs, error: &PatchError) -> Fault {
    Fault::permanent(format!(
        "{} is not the manifest that {} is about: {error}",
        args.manifest.display(),
        args.report.display()
    ))
    .hint("nothing was changed; render again for a report of the manifest as it is now, or choose rules with --only")
}

fn tell(steps: &[Step]) {
    let mut table = Table::new(&["rule", "shot", "fix", ""]);
    for step in steps {
        let outcome = match &step.outcome {
            Outcome::Applied => "applied".to_owned(),
            Outcome::SamePlace { pointer } => {
                format!(
                    "left out: a fix before it changed {pointer}; render again for what is left"
                )
            }
            Outcome::OnlyAdvice { advice } => format!("advice: {advice}"),
        };
        table.row([
            step.rule.clone(),
            step.shot.clone().unwrap_or_default(),
            step.title.clone(),
            outcome,
        ]);
    }
    if table.is_empty() {
        eprintln!("nothing to fix");
    } else {
        eprintln!("{table}");
    }
}

/// Fixes that spoil a manifest are a fault of the rule that made them; the manifest is left as it was.
fn still_valid(before: &[u8], fixed: &Value) -> Result<(), Fault> {
    let known = offline_problems(before);
    let new: Vec<FieldProblem> = offline_problems(fixed.to_string().as_bytes())
        .into_iter()
        .filter(|problem| !known.contains(problem))
        .collect();
    if new.is_empty() {
        Ok(())
    } else {
        Err(Fault::problems(
            "with these fixes the manifest would be wrong:",
            &new,
        ))
    }
}
