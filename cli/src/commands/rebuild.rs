//! `botflix rebuild`: makes a film again from its build record, with nothing remembered, and compares every artifact with what was made then.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use botflix_common::build_record::{BUILD_RECORD_VERSION, BuildRecord, BuiltTask};
use botflix_common::hash::{Sha, TaskKey};
use botflix_common::task::Font;
use botflix_worker::TaskRunner;
use botflix_worker::local::{self, LocalFilm, LocalRender};
use tokio_util::sync::CancellationToken;

use super::render_local::{listener, render_fault};
use crate::args::RebuildArgs;
use crate::cache::{Place, copy_out};
use crate::embedded::cores;
use crate::exit::{Exit, Fault};
use crate::show::stages::Stages;
use crate::show::table::Table;
use crate::show::{say, say_json};
use crate::sources::{files_below, hash, read_document};

/// Digits of a font's hash that are shown.
const FONT_HASH_CHARS: usize = 8;

pub async fn run(args: RebuildArgs) -> Result<Exit, Fault> {
    let record = read(&args.record)?;
    let files = find(&record, &args.clips)?;
    let place = Place::temporary()?;
    let engine = match record.engine {
        Some(class) if !class.is_gpu() => args.engine.config(),
        _ => args.engine.config_of_all_encoders(),
    };
    let runner = place.runner(engine).await?;
    tell_of_other_builds(&record, &runner);
    let job = LocalRender {
        manifest: record.manifest.clone(),
        files,
        concurrency: args.workers.unwrap_or_else(cores),
        verify: record.verify,
        gpu: record.engine.is_none_or(|class| class.is_gpu()),
    };
    let stages = Arc::new(Stages::new());
    let made = local::render(&runner, job, listener(&stages), CancellationToken::new()).await;
    stages.finish();
    let film = made.map_err(render_fault)?;
    if let Some(out) = &args.out {
        copy_out(runner.storage(), &film.film, out).await?;
    }
    conclude(&args, &record, &film)
}

fn read(path: &Path) -> Result<BuildRecord, Fault> {
    /// What every version of the document has.
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: u32,
    }
    let bytes = read_document(path)?;
    let unreadable = |error| {
        Fault::permanent(format!("{} is not a build record", path.display()))
            .because(error)
            .hint("botflix render … --local --record FILE writes one")
    };
    let Versioned { version } = serde_json::from_slice(&bytes).map_err(unreadable)?;
    if version != BUILD_RECORD_VERSION {
        return Err(Fault::permanent(format!(
            "{} is a build record of version {version}; this program understands version {BUILD_RECORD_VERSION}",
            path.display(),
        )));
    }
    serde_json::from_slice(&bytes).map_err(unreadable)
}

/// The record's clips among the files below `dir`, whatever they are called.
fn find(record: &BuildRecord, dir: &Path) -> Result<HashMap<Sha, PathBuf>, Fault> {
    let mut missing = record.clips.clone();
    let mut found = HashMap::new();
    for path in files_below(dir)? {
        if missing.is_empty() {
            break;
        }
        let sha = hash(&path).map_err(|error| {
            Fault::permanent(format!("{} cannot be read", path.display())).because(error)
        })?;
        if let Some(at) = missing.iter().position(|clip| *clip == sha) {
            missing.swap_remove(at);
            found.insert(sha, path);
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let names: Vec<String> = missing.iter().map(|clip| format!("  {clip}")).collect();
    Err(Fault::permanent(format!(
        "{} of the record's {} clips are not in {}:\n{}",
        missing.len(),
        record.clips.len(),
        dir.display(),
        names.join("\n")
    )))
}

/// Another build may give other bytes: said first, so that what follows is no riddle.
fn tell_of_other_builds(record: &BuildRecord, runner: &TaskRunner) {
    let here = runner.engine().version();
    let mut others: Vec<&str> = record
        .tasks
        .iter()
        .map(|task| task.engine.as_str())
        .filter(|engine| *engine != here)
        .collect();
    others.sort_unstable();
    others.dedup();
    if !others.is_empty() {
        eprintln!(
            "the record was made with {}, this is {here}: the bytes may differ",
            others.join(" and ")
        );
    }
    if record.botflix != env!("CARGO_PKG_VERSION") {
        eprintln!(
            "the record was planned by BotFlix {}, this is {}",
            record.botflix,
            env!("CARGO_PKG_VERSION")
        );
    }
    if let Some(class) = record.engine
        && let Some(why) = runner.engine().why_not(class)
        && class.is_gpu()
    {
        eprintln!("{} does not work here: {why}", class.name());
    }
}

fn conclude(args: &RebuildArgs, record: &BuildRecord, film: &LocalFilm) -> Result<Exit, Fault> {
    let differences = differences(&record.tasks, &film.record.tasks);
    let identical = film.film.sha256 == record.film.sha256;
    if args.json {
        say_json(&serde_json::json!({
            "identical": identical,
            "sha256": film.film.sha256,
            "recorded_sha256": record.film.sha256,
            "tasks": record.tasks.len(),
            "differences": differences,
        }))?;
    } else {
        if !differences.is_empty() {
            let mut table = Table::new(&["task", "shot", "artifact", "difference"]);
            for one in &differences {
                table.row([&one.kind, &one.shot, &one.artifact, &one.what].map(String::clone));
            }
            eprintln!("{table}");
        }
        let verdict = if identical { "identical" } else { "different" };
        say(&format!("{verdict} {}", film.film.sha256))?;
    }
    Ok(if identical { Exit::Done } else { Exit::Failed })
}

#[derive(Debug, PartialEq, Eq, serde::Serialize)]
struct Difference {
    kind: String,
    shot: String,
    artifact: String,
    what: String,
}

/// Every artifact of the record that was not made again byte for byte, and fonts that explain it, in the plan's order.
fn differences(then: &[BuiltTask], now: &[BuiltTask]) -> Vec<Difference> {
    let again: BTreeMap<TaskKey, &BuiltTask> = now.iter().map(|task| (task.key, task)).collect();
    let mut found = Vec::new();
    for task in then {
        let mut differs = |artifact: &str, what: &str| {
            found.push(Difference {
                kind: task.spec.kind().name().to_owned(),
                shot: shot_of(task, then),
                artifact: artifact.to_owned(),
                what: what.to_owned(),
            });
        };
        let Some(made) = again.get(&task.key) else {
            differs("", "this version plans another task in its place");
            continue;
        };
        if let Some(what) = other_fonts(&task.fonts, &made.fonts) {
            differs("", &what);
        }
        for (role, artifact) in &task.artifacts {
            if is_passed_on(task, role, then) {
                continue;
            }
            match made.artifacts.get(role) {
                None => differs(role, "was not made"),
                Some(other) if other.sha256 != artifact.sha256 => differs(
                    role,
                    &format!(
                        "other bytes ({} instead of {})",
                        other.bytes, artifact.bytes
                    ),
                ),
                Some(_) => {}
            }
        }
    }
    found
}

/// Whether a task has an artifact from one before it, which is compared for itself.
fn is_passed_on(task: &BuiltTask, role: &str, tasks: &[BuiltTask]) -> bool {
    let needs = task.spec.needs();
    let mut before = tasks.iter().filter(|other| needs.contains(&other.key));
    before.any(|other| other.artifacts.get(role) == task.artifacts.get(role))
}

/// Fonts that texts were drawn with then and now, where they differ. A record of a version that named no fonts says nothing of them.
fn other_fonts(then: &[Font], now: &[Font]) -> Option<String> {
    let only = |these: &[Font], those: &[Font]| -> Vec<String> {
        let others = these.iter().filter(|font| !those.contains(font));
        others
            .map(|font| {
                let digits: String = font.sha256.hex().chars().take(FONT_HASH_CHARS).collect();
                format!("{} ({digits})", font.name)
            })
            .collect()
    };
    let (gone, new) = (only(then, now), only(now, then));
    if then.is_empty() || (gone.is_empty() && new.is_empty()) {
        return None;
    }
    let list = |fonts: Vec<String>| {
        if fonts.is_empty() {
            "none".to_owned()
        } else {
            fonts.join(", ")
        }
    };
    Some(format!(
        "other fonts: {} instead of {}",
        list(new),
        list(gone)
    ))
}

/// The shot whose segment a task makes; the film's own tasks have none.
fn shot_of(task: &BuiltTask, tasks: &[BuiltTask]) -> String {
    use botflix_common::task::{SegmentSource, TaskSpec};
    let segments = tasks.iter().find_map(|task| match &task.spec {
        TaskSpec::Assemble(spec) => Some(&spec.segments),
        _ => None,
    });
    let made_by = |source: &SegmentSource| matches!(source, SegmentSource::Conform { task: key } if *key == task.key);
    segments
        .into_iter()
        .flatten()
        .find(|segment| made_by(&segment.source))
        .map(|segment| segment.shot.clone())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn font(name: &str, version: &str) -> Font {
        Font {
            name: name.to_owned(),
            sha256: Sha::of(version.as_bytes()),
        }
    }

    #[test]
    fn another_version_of_a_font_is_named_and_the_same_font_is_not() {
        let (old, new) = (font("NotoSans-Bold", "1"), font("NotoSans-Bold", "2"));
        let both = font("NotoSans-Regular", "1");
        let then = [old, both.clone()];
        assert_eq!(other_fonts(&then, &then), None);
        let told = other_fonts(&then, &[new, both]).unwrap();
        assert_eq!(told.matches("NotoSans-Bold").count(), 2, "{told}");
        assert!(!told.contains("Regular"), "{told}");
        // Of a version that did not write them down.
        assert_eq!(other_fonts(&[], &then), None);
    }
}
