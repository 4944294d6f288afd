//! What a local render ends in: the film with its report, its plan and the record of how it was made.

use std::collections::BTreeMap;

use botflix_common::build_record::BuildRecord;
use botflix_common::finding::Finding;
use botflix_common::hash::TaskKey;
use botflix_common::http::{PlanBody, ReportBody};
use botflix_common::plan::Plan;
use botflix_common::task::{FilmFacts, TaskKind, TaskOutput, TaskRecord, TaskSpec};

use super::graph::Finished;
use super::{LocalError, LocalFilm, LocalRender, Prospect};

pub(super) fn finished(
    job: &LocalRender,
    prospect: Prospect,
    made: &Finished,
) -> Result<LocalFilm, LocalError> {
    let Prospect { plan, .. } = prospect;
    let of = |kind: TaskKind| {
        plan.only(kind)
            .and_then(|task| made.records.get(&task.key))
            .map(|(_, record)| record)
            .ok_or(LocalError::Incomplete(kind.name()))
    };
    let TaskOutput::Check {
        film: facts,
        findings: of_check,
    } = of(TaskKind::Check)?.output.clone()
    else {
        return Err(LocalError::Incomplete("check"));
    };
    let facts = FilmFacts {
        draft: job.manifest.is_draft(),
        ..facts
    };
    let record = |key: &TaskKey| made.records.get(key).map(|(_, record)| record.clone());
    let record = BuildRecord::of(&job.manifest, &plan, job.verify, record, facts)
        .ok_or(LocalError::Incomplete("film"))?;
    let mut findings = prospect.findings;
    findings.extend(of_check);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(LocalFilm {
        report: report(job, &plan, &made.records, facts, findings),
        plan: PlanBody::of(&plan, |key| made.memoized.contains(key)),
        film: record.film.clone(),
        record,
        facts,
        extras: of(TaskKind::Package)?.artifacts.clone(),
        memoized: prospect.memoized + made.memoized.len(),
        tasks: prospect.inspected + made.records.len(),
    })
}

fn report(
    job: &LocalRender,
    plan: &Plan,
    records: &BTreeMap<TaskKey, (TaskSpec, TaskRecord)>,
    film: FilmFacts,
    findings: Vec<Finding>,
) -> ReportBody {
    let mut builds: Vec<String> = records
        .values()
        .map(|(_, record)| record.engine.clone())
        .collect();
    builds.sort_unstable();
    builds.dedup();
    let sound = records
        .values()
        .find_map(|(_, record)| match record.output {
            TaskOutput::Mix(sound) => Some(sound),
            _ => None,
        });
    ReportBody {
        title: job.manifest.title.clone(),
        film: Some(film),
        sound,
        copied_frames: plan.copied_frames(),
        builds,
        findings,
    }
}
