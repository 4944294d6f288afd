//! From rows to the bodies of the public contract, and the one place that makes links.

use botflix_common::http::{
    AttemptBody, ClipBody, ClipStatus, DirectorBody, EpisodeBody, EpisodeDirector, Eta,
    QuarantineBody, RenderBody, RenderState,
};
use botflix_common::id::EpisodeId;

use super::media::MediaFile;
use crate::clock;
use crate::db::clips::ClipRow;
use crate::db::directors::DirectorRow;
use crate::db::episodes::EpisodeRow;
use crate::db::quarantine::Quarantined;
use crate::db::renders::{AttemptRow, RenderParts};
use crate::farm::Outlook;

/// Where this installation is reached from outside. Never taken from a request.
#[derive(Clone, Debug)]
pub struct Links {
    /// Without a slash at the end.
    public_url: String,
}

impl Links {
    pub fn new(public_url: &str) -> Self {
        Self {
            public_url: public_url.trim_end_matches('/').to_owned(),
        }
    }

    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    pub fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.public_url)
    }
}

pub fn watch_path(episode: EpisodeId) -> String {
    format!("/watch/{episode}")
}

pub fn media_path(episode: EpisodeId, file: MediaFile) -> String {
    format!("/media/{episode}/{}", file.file_name())
}

/// The path of a file, when the episode has it.
pub fn file_path(row: &EpisodeRow, file: MediaFile) -> Option<String> {
    row.artifacts
        .contains_key(file.role())
        .then(|| media_path(row.id, file))
}

pub fn director(row: DirectorRow) -> DirectorBody {
    DirectorBody {
        director_id: row.id,
        name: row.name,
        description: row.description,
        owner_email: row.owner_email,
        generation_profile: row.profile,
        created_at: clock::rfc3339(row.created_at_ms),
    }
}

pub fn episode(links: &Links, row: EpisodeRow) -> EpisodeBody {
    let link = |file| file_path(&row, file).map(|path| links.absolute(&path));
    EpisodeBody {
        watch_url: links.absolute(&watch_path(row.id)),
        video_url: links.absolute(&media_path(row.id, MediaFile::Film)),
        poster_url: links.absolute(&media_path(row.id, MediaFile::Poster)),
        storyboard_image_url: link(MediaFile::StoryboardSheet),
        storyboard_url: link(MediaFile::Storyboard),
        captions_url: link(MediaFile::Captions),
        chapters_url: link(MediaFile::Chapters),
        published_at: clock::rfc3339(row.published_at_ms),
        revision: row.revision,
        revised_at: row.revised_at_ms.map(clock::rfc3339),
        id: row.id,
        render_id: row.render_id,
        title: row.title,
        description: row.description,
        show: row.show,
        season: row.season,
        episode: row.episode,
        language: row.language,
        visibility: row.visibility,
        director: EpisodeDirector {
            id: row.director_id,
            name: row.director_name,
        },
        duration_seconds: row.duration_seconds,
        draft: row.film.draft,
        film: row.film,
    }
}

pub fn clip(row: ClipRow) -> ClipBody {
    let (usable_as, judgement) = row.judgement().unzip();
    ClipBody {
        clip: row.sha256,
        bytes: row.bytes,
        status: row.status,
        // What cannot be used at all is usable as nothing.
        usable_as: usable_as.filter(|_| row.status == ClipStatus::Ready),
        verdict: judgement.as_ref().map(|judgement| judgement.verdict),
        reasons: judgement
            .map(|judgement| judgement.reasons)
            .unwrap_or_default(),
        facts: row.facts,
        quarantine: None,
    }
}

pub fn quarantine(row: Quarantined) -> QuarantineBody {
    QuarantineBody {
        clip: row.clip,
        kind: row.kind,
        crashes: row.crashes,
        since: clock::rfc3339(row.since_ms),
    }
}

pub fn render(links: &Links, parts: RenderParts, outlook: Outlook) -> RenderBody {
    let eta = match (parts.row.state, parts.running_since_ms) {
        (RenderState::Running, Some(since_ms)) => {
            let elapsed_ms = clock::now_ms().saturating_sub(since_ms);
            Eta::extrapolated(elapsed_ms as f64 / 1000.0, parts.measured_progress)
        }
        _ => None,
    };
    RenderBody {
        eta: eta.or(outlook.eta),
        waiting: outlook.waiting,
        id: parts.row.id,
        title: parts.row.title,
        state: parts.row.state,
        priority: parts.row.priority,
        progress: parts.row.progress,
        stages: parts.stages,
        created_at: clock::rfc3339(parts.row.created_at_ms),
        finished_at: parts.row.finished_at_ms.map(clock::rfc3339),
        revision: parts.row.lineage.revision,
        revises: Some(parts.row.lineage.first).filter(|first| *first != parts.row.id),
        episode: parts.episode.map(|row| episode(links, row)),
        problem: parts.row.problem,
        finding_counts: parts.finding_counts,
    }
}

pub fn attempt(row: AttemptRow) -> AttemptBody {
    AttemptBody {
        task: row.id.task,
        attempt: row.id.attempt,
        kind: row.kind,
        shot: row.shot,
        worker: row.worker,
        queued_at: clock::rfc3339(row.queued_at_ms),
        started_at: row.started_at_ms.map(clock::rfc3339),
        ended_at: row.ended_at_ms.map(clock::rfc3339),
        stopped_at: row.stopped_at_ms.map(clock::rfc3339),
        outcome: row.outcome,
        message: row.message,
        code: row.code,
        class: row.class,
        who_can_fix: row.who_can_fix,
        engine_said: row.engine_said,
        engine: row.engine,
        wall_seconds: row.wall_seconds,
        artifact_bytes: row.artifact_bytes,
    }
}
