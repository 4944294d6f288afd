//! What a render will do and what came of it: dry run, plan and report.

use std::collections::HashMap;

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use botflix_common::build_record::BuildRecord;
use botflix_common::findings;
use botflix_common::hash::TaskKey;
use botflix_common::http::{ClipStatus, DryRunBody, PlanBody, ReportBody};
use botflix_common::id::RenderId;
use botflix_common::manifest::ShotManifest;
use botflix_common::plan::{self, FactsByClip, Options, Plan};
use botflix_common::problem::FieldProblem;
use botflix_common::task::{TaskRecord, Verify};

use super::extract::{Caller, PathPart};
use super::renders::own;
use super::submission::{self, Submission};
use super::{App, AppState};
use crate::db::{self, DbError};
use crate::error::ApiError;

pub async fn show_plan(
    State(app): State<AppState>,
    caller: Caller,
    PathPart(id): PathPart<RenderId>,
) -> Result<Json<PlanBody>, ApiError> {
    own(&app, caller, id).await?;
    let (plan, _, _) = planned(&app, id).await?.ok_or(ApiError::NotPlanned)?;
    let before = db::renders::done_before(&app.db, id).await?;
    Ok(Json(PlanBody::of(&plan, |key| before.contains(key))))
}

pub fn show_plan_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("getRenderPlan")
        .tag("renders")
        .summary("The tasks of a render, what of them was there before, the encoder and the expected cost")
        .description("409 while clips are still being inspected.")
}

pub async fn show_report(
    State(app): State<AppState>,
    caller: Caller,
    PathPart(id): PathPart<RenderId>,
) -> Result<Json<ReportBody>, ApiError> {
    let row = own(&app, caller, id).await?;
    let report = match planned(&app, id).await? {
        Some((plan, manifest, facts)) => {
            let foreseen = findings::of_film(&manifest, &facts, &plan);
            let records = db::renders::results(&app.db, id).await?;
            ReportBody::of(&manifest, &plan, foreseen, &records)
        }
        None => ReportBody::foreseen(&row.title, 0, Vec::new()),
    };
    Ok(Json(report))
}

pub fn show_report_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("getRenderReport")
        .tag("renders")
        .summary("Findings with the fixes that remove them, and the film as it was measured")
        .description("A fix is a JSON Patch (RFC 6902) on the manifest. While the render runs, the report grows.")
}

pub async fn show_record(
    State(app): State<AppState>,
    caller: Caller,
    PathPart(id): PathPart<RenderId>,
) -> Result<Json<BuildRecord>, ApiError> {
    own(&app, caller, id).await?;
    let (plan, manifest, _) = planned(&app, id).await?.ok_or(ApiError::NotPlanned)?;
    let records = db::renders::results(&app.db, id).await?;
    let records: HashMap<TaskKey, TaskRecord> = records
        .into_iter()
        .map(|record| (record.task, record))
        .collect();
    let of = |key: &TaskKey| records.get(key).cloned();
    let record = BuildRecord::of(&manifest, &plan, Verify::default(), of);
    record.map(Json).ok_or(ApiError::NotPlanned)
}

pub fn show_record_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("getRenderRecord")
        .tag("renders")
        .summary("How the film was made: manifest, clips, every task with its parameters, results and engine build")
        .description("`botflix rebuild` makes the same bytes from it on the same engine. 409 until all is made.")
}

/// What `POST /api/v1/renders?dry_run=true` answers.
pub async fn dry_run(app: &App, caller: Caller, bytes: &[u8]) -> Result<DryRunBody, ApiError> {
    let (manifest, mut errors) = match submission::read(bytes) {
        Submission::Sound(manifest) => (Some(manifest), Vec::new()),
        Submission::Flawed { problems, salvaged } => (salvaged, problems),
    };
    let mut body = DryRunBody {
        valid: false,
        errors: Vec::new(),
        missing_clips: Vec::new(),
        inspecting_clips: Vec::new(),
        plan: None,
        findings: Vec::new(),
    };
    if let Some(manifest) = manifest {
        let more = foresee(app, caller, &manifest, &mut body).await?;
        errors = submission::merge(errors, more);
    }
    body.valid = errors.is_empty();
    if !body.valid {
        body.plan = None;
    }
    body.errors = errors;
    Ok(body)
}

/// Fills in what the clips say, and returns what they say against the manifest.
async fn foresee(
    app: &App,
    caller: Caller,
    manifest: &ShotManifest,
    body: &mut DryRunBody,
) -> Result<Vec<FieldProblem>, ApiError> {
    let shas = manifest.distinct_clips();
    // Only reads; the transaction is dropped.
    let known = db::clips::visible(&mut app.db.write().await?, caller.0, &shas).await?;
    let mut facts = FactsByClip::new();
    for sha in shas {
        match known.get(&sha) {
            None => body.missing_clips.push(sha),
            Some(clip) if clip.status == ClipStatus::Inspecting => body.inspecting_clips.push(sha),
            Some(clip) => facts.extend(clip.facts.clone().map(|facts| (sha, facts))),
        }
    }
    let problems = submission::problems_of_clips(manifest, &known);
    if !problems.is_empty() || !body.inspecting_clips.is_empty() {
        return Ok(problems);
    }
    match app.farm.foresee(manifest, &facts).await? {
        Err(problems) => Ok(problems),
        Ok(plan) => {
            let keys: Vec<TaskKey> = plan.tasks.iter().map(|task| task.key).collect();
            let done = db::tasks::done_among(&app.db, &keys).await?;
            body.findings = findings::of_film(manifest, &facts, &plan);
            body.plan = Some(PlanBody::of(&plan, |key| done.contains(key)));
            Ok(Vec::new())
        }
    }
}

/// The plan of a render all of whose clips are inspected. A pure function of manifest, facts and encoder: made again rather than kept.
async fn planned(
    app: &App,
    id: RenderId,
) -> Result<Option<(Plan, ShotManifest, FactsByClip)>, DbError> {
    let Some(manifest) = db::renders::manifest(&app.db, id).await? else {
        return Ok(None);
    };
    let clips = db::clips::of_render(&mut app.db.write().await?, id).await?;
    let facts = db::clips::facts_of(clips);
    let options = Options {
        engines: db::renders::device(&app.db, id)
            .await?
            .into_iter()
            .collect(),
        ..Options::default()
    };
    Ok(plan::plan_with(&manifest, &facts, &options)
        .ok()
        .map(|plan| (plan, manifest, facts)))
}
