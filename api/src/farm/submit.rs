//! From a manifest to a render, and from its clips' facts to its plan: accepted → planning → running.

use std::sync::Arc;

use botflix_common::fail_point::{self, FailPoint, Passing};
use botflix_common::film::Quality;
use botflix_common::finding::FindingCounts;
use botflix_common::findings;
use botflix_common::hash::Sha;
use botflix_common::http::{ClipStatus, RenderState};
use botflix_common::id::{DirectorId, RenderId};
use botflix_common::manifest::ShotManifest;
use botflix_common::plan::{self, FactsByClip, Plan};
use botflix_common::problem::FieldProblem;
use botflix_common::task::Priority;

use super::Core;
use super::change::Change;
use super::config::FarmConfig;
use super::problems;
use crate::db::clips::{self, ClipRow};
use crate::db::events::NewEvent;
use crate::db::idempotency::{self, Remembered};
use crate::db::renders::{self, Lineage, Place};
use crate::db::{DbError, directors};

/// A director's name for one request, so that sending it again does not do it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    pub key: String,
    /// Of the body as it was sent.
    pub body_sha256: Sha,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Submitted {
    New(RenderId),
    /// The key was used for the same body within the last day.
    Same(RenderId),
    /// The key was used for another body.
    KeyReused,
    /// So many of the director's renders have not ended, and no more are taken until some have.
    TooMany {
        limit: u64,
    },
    /// Nothing was stored: clips that were not sent, and whatever the facts known now decide against the manifest.
    Invalid(Vec<FieldProblem>),
}

/// A director's wish for a film.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    pub director: DirectorId,
    pub manifest: &'a ShotManifest,
    /// The render of the same film whose place it is to take when it is published.
    pub revises: Option<RenderId>,
    /// Among the director's own renders. `None`: drafts go first.
    pub priority: Option<Priority>,
    pub idempotency: Option<Idempotency>,
}

impl<'a> Order<'a> {
    pub fn new(director: DirectorId, manifest: &'a ShotManifest) -> Self {
        Self {
            director,
            manifest,
            revises: None,
            priority: None,
            idempotency: None,
        }
    }

    fn priority(&self) -> Priority {
        let of_preset = match self.manifest.delivery.preset {
            Quality::Draft => Priority::OF_DRAFTS,
            _ => Priority::default(),
        };
        self.priority.unwrap_or(of_preset)
    }
}

impl Core {
    pub(super) async fn submit(self: &Arc<Self>, order: Order<'_>) -> Result<Submitted, DbError> {
        let mut change = self.change().await?;
        let submitted = change.submit(order, &self.config).await?;
        if matches!(submitted, Submitted::New(_)) {
            self.commit(change).await?;
            fail_point::pass(FailPoint::AfterAccept, Passing::default());
        }
        Ok(submitted)
    }
}

impl Change {
    async fn submit(
        &mut self,
        order: Order<'_>,
        config: &FarmConfig,
    ) -> Result<Submitted, DbError> {
        let (director, manifest) = (order.director, order.manifest);
        if let Some(sent) = &order.idempotency
            && let Some(known) =
                idempotency::find(&mut self.tx, director, &sent.key, self.now_ms).await?
        {
            return Ok(if known.body_sha256 == sent.body_sha256 {
                Submitted::Same(known.render)
            } else {
                Submitted::KeyReused
            });
        }
        if let Some(limit) = self.is_at_limit(director, config).await? {
            return Ok(Submitted::TooMany { limit });
        }
        let shas = manifest.distinct_clips();
        let visible = clips::visible(&mut self.tx, director, &shas).await?;
        let mut problems: Vec<FieldProblem> = manifest
            .clips()
            .iter()
            .filter(|named| !visible.contains_key(&named.clip))
            .map(|named| plan::unknown_clip(&named.pointer, &named.clip))
            .collect();
        let planned = match self.outlook(manifest, visible.into_values()).await? {
            Outlook::Impossible(more) => {
                // Those were found above, also the ones of another director's clips.
                problems.extend(
                    more.into_iter()
                        .filter(|problem| problem.code != plan::UNKNOWN_CLIP),
                );
                None
            }
            Outlook::Open => None,
            Outlook::Planned(plan, foreseen) => Some((plan, foreseen)),
        };
        if !problems.is_empty() {
            return Ok(Submitted::Invalid(problems));
        }

        let id = RenderId::fresh();
        let priority = order.priority();
        let lineage = match order.revises {
            Some(earlier) => Some(self.next_revision(earlier).await?),
            None => None,
        };
        let (place, now_ms) = (Place { lineage, priority }, self.now_ms);
        renders::insert(&mut self.tx, id, director, place, manifest, &shas, now_ms).await?;
        self.log(id, NewEvent::state()).await?;
        if let Some(sent) = order.idempotency {
            let remembered = Remembered {
                body_sha256: sent.body_sha256,
                render: id,
            };
            idempotency::insert(&mut self.tx, director, &sent.key, remembered, self.now_ms).await?;
        }
        if let Some((plan, foreseen)) = planned {
            self.run(id, (director, priority), &plan, foreseen).await?;
        }
        Ok(Submitted::New(id))
    }

    /// The director's limit of unfinished renders, when it is reached.
    pub(super) async fn is_at_limit(
        &mut self,
        director: DirectorId,
        config: &FarmConfig,
    ) -> Result<Option<u64>, DbError> {
        let limit = directors::find_share(&mut self.tx, director)
            .await?
            .render_limit
            .unwrap_or(config.renders_per_director);
        let unfinished = renders::unfinished_of(&mut self.tx, director).await?;
        Ok((unfinished >= limit).then_some(limit))
    }

    async fn next_revision(&mut self, of: RenderId) -> Result<Lineage, DbError> {
        let render = renders::find(&mut self.tx, of)
            .await?
            .ok_or(DbError::Gone("render"))?;
        renders::next_revision(&mut self.tx, render.lineage.first).await
    }

    /// Moves a render on that waits for its clips, if they let it: it runs, fails, or goes on waiting.
    pub(super) async fn advance(&mut self, id: RenderId) -> Result<(), DbError> {
        let Some(render) = renders::find(&mut self.tx, id).await? else {
            return Ok(());
        };
        if render.state != RenderState::Accepted {
            return Ok(());
        }
        let manifest = match renders::find_manifest(&mut self.tx, id).await {
            // It must not stand in the way of the clip's other renders.
            Err(DbError::Broken { .. }) => {
                return self.fail_render(id, &problems::unreadable()).await;
            }
            manifest => manifest?,
        };
        let clips = clips::of_render(&mut self.tx, id).await?;
        match self.outlook(&manifest, clips).await? {
            Outlook::Open => Ok(()),
            Outlook::Impossible(errors) => {
                self.fail_render(id, &problems::invalid_manifest(errors))
                    .await
            }
            Outlook::Planned(plan, foreseen) => {
                let whose = (render.director_id, render.priority);
                self.run(id, whose, &plan, foreseen).await
            }
        }
    }

    /// accepted → planning → running, and straight on to published when all of it was done before.
    async fn run(
        &mut self,
        id: RenderId,
        whose: (DirectorId, Priority),
        plan: &Plan,
        foreseen: FindingCounts,
    ) -> Result<(), DbError> {
        let planning = renders::moves::enter(
            &mut self.tx,
            id,
            RenderState::Accepted,
            RenderState::Planning,
        );
        if !planning.await?.is_made() {
            return Ok(());
        }
        self.log(id, NewEvent::state()).await?;
        self.lay_tasks(id, whose, plan).await?;
        let running = renders::moves::run(&mut self.tx, id, plan, foreseen);
        if !running.await?.is_made() {
            return Err(DbError::Gone("render"));
        }
        renders::moves::measure_progress(&mut self.tx, id).await?;
        self.log(id, NewEvent::state()).await?;
        self.publish_if_complete(id).await?;
        self.wake();
        Ok(())
    }
}

/// What the clips say about a manifest so far.
enum Outlook {
    /// Some clips are still being inspected, and nothing speaks against the manifest yet.
    Open,
    Impossible(Vec<FieldProblem>),
    /// With the count of what the material shows.
    Planned(Box<Plan>, FindingCounts),
}

impl Change {
    async fn outlook(
        &mut self,
        manifest: &ShotManifest,
        clips: impl IntoIterator<Item = ClipRow>,
    ) -> Result<Outlook, DbError> {
        let mut facts = FactsByClip::new();
        let mut failed = Vec::new();
        let mut inspecting = false;
        for clip in clips {
            match clip.status {
                ClipStatus::Inspecting => inspecting = true,
                ClipStatus::Failed => failed.push(clip.sha256),
                ClipStatus::Ready | ClipStatus::Refused => {
                    facts.extend(clip.facts.map(|facts| (clip.sha256, facts)));
                }
            }
        }
        let confined = self.quarantined_uses(manifest).await?;
        failed.retain(|clip| confined.iter().all(|(quarantined, _)| quarantined != clip));
        let mut problems = plan::known_problems(manifest, &facts);
        problems.extend(confined.into_iter().map(|(_, problem)| problem));
        let failed_uses = manifest
            .clips()
            .into_iter()
            .filter(|named| failed.contains(&named.clip));
        problems.extend(failed_uses.map(|named| problems::inspection_failed(&named.pointer)));
        if !problems.is_empty() {
            return Ok(Outlook::Impossible(problems));
        }
        if inspecting {
            return Ok(Outlook::Open);
        }
        Ok(match self.plan(manifest, &facts).await? {
            Ok(plan) => {
                let foreseen = findings::of_film(manifest, &facts, &plan);
                Outlook::Planned(Box::new(plan), FindingCounts::of(&foreseen))
            }
            Err(problems) => Outlook::Impossible(problems),
        })
    }
}
