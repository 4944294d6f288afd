//! What a local render ends in: the film with its report, its plan and the record of how it was made.

use botflix_common::build_record::BuildRecord;
use botflix_common::hash::TaskKey;
use botflix_common::http::{PlanBody, ReportBody};
use botflix_common::task::TaskKind;

use super::graph::Finished;
use super::{LocalError, LocalFilm, LocalRender, Prospect};

pub(super) fn finished(
    job: &LocalRender,
    prospect: Prospect,
    made: &Finished,
) -> Result<LocalFilm, LocalError> {
    let Prospect { plan, findings, .. } = prospect;
    let package = plan
        .only(TaskKind::Package)
        .and_then(|task| made.records.get(&task.key))
        .ok_or(LocalError::Incomplete(TaskKind::Package.name()))?;
    let record = |key: &TaskKey| made.records.get(key).map(|(_, record)| record.clone());
    let record = BuildRecord::of(&job.manifest, &plan, job.verify, record)
        .ok_or(LocalError::Incomplete("film"))?;
    let records = made.records.values().map(|(_, record)| record);
    Ok(LocalFilm {
        report: ReportBody::of(&job.manifest, &plan, findings, records),
        plan: PlanBody::of(&plan, |key| made.memoized.contains(key)),
        film: record.film.clone(),
        facts: record.facts,
        record,
        extras: package.1.artifacts.clone(),
        memoized: prospect.memoized + made.memoized.len(),
        tasks: prospect.inspected + made.records.len(),
    })
}
