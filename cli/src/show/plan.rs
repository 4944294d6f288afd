//! What a render would do, as tables for people: the film, its shots, its tasks by kind.

use botflix_common::film::Quality;
use botflix_common::http::{PlanBody, PlanTask};
use botflix_common::task::TaskKind;

use super::table::Table;
use super::{duration, timecode};

pub fn table(plan: &PlanBody) -> String {
    format!("{}\n\n{}\n\n{}", film(plan), shots(plan), tasks(plan))
}

fn film(plan: &PlanBody) -> String {
    let preset = match plan.preset {
        Quality::Draft => "draft",
        Quality::Standard => "standard",
        Quality::High => "high",
    };
    let engine = plan
        .engine
        .map_or("nothing to encode", |class| class.name());
    let mut table = Table::new(&["film", ""]);
    let mut row = |name: &str, value: String| table.row([name.to_owned(), value]);
    row(
        "format",
        format!(
            "{}x{}, {:.3} fps",
            plan.format.width,
            plan.format.height,
            plan.format.fps.fps()
        ),
    );
    row(
        "length",
        format!(
            "{}, {} frames, {} of them copied",
            duration(plan.duration_seconds),
            plan.total_frames,
            plan.copied_frames
        ),
    );
    row("encoder", format!("{engine}, preset {preset}"));
    row(
        "cost",
        format!(
            "{:.1} CPU-seconds, {:.1} of them still to do",
            plan.cost_cpu_seconds,
            // A sum of nothing is −0.
            plan.remaining_cpu_seconds.abs()
        ),
    );
    table.to_string()
}

fn shots(plan: &PlanBody) -> String {
    let fps = plan.format.fps;
    let mut table = Table::new(&["shot", "from", "to", "frames", "encoded", "of it there"]);
    for row in &plan.ledger {
        let of_shot = |task: &&PlanTask| {
            task.kind == TaskKind::Conform && task.shot.as_ref() == Some(&row.shot)
        };
        let made: Vec<&PlanTask> = plan.tasks.iter().filter(of_shot).collect();
        let encoded = match made.len() {
            // A draft copies nothing, and makes several shots at once.
            0 if plan.preset == Quality::Draft => "with others".to_owned(),
            0 => "copied".to_owned(),
            1 => "1 segment".to_owned(),
            more => format!("{more} segments"),
        };
        let there = made.iter().filter(|task| task.reused).count();
        table.row([
            row.shot.clone(),
            timecode(fps.seconds_at(row.first_frame)),
            timecode(fps.seconds_at(row.first_frame + row.frames)),
            row.frames.to_string(),
            encoded,
            if made.is_empty() {
                String::new()
            } else {
                there.to_string()
            },
        ]);
    }
    table.to_string()
}

fn tasks(plan: &PlanBody) -> String {
    let mut table = Table::new(&["task", "all", "there", "CPU-seconds"]);
    for kind in TaskKind::ALL {
        let tasks: Vec<&PlanTask> = plan.tasks.iter().filter(|task| task.kind == kind).collect();
        if tasks.is_empty() {
            continue;
        }
        let cost: f64 = tasks.iter().map(|task| task.cost_cpu_seconds).sum();
        table.row([
            kind.name().to_owned(),
            tasks.len().to_string(),
            tasks.iter().filter(|task| task.reused).count().to_string(),
            format!("{cost:.1}"),
        ]);
    }
    table.to_string()
}
