//! running → publishing → published, in the transaction that ends the last task: the bytes have long been stored, the catalog row is last.

use std::collections::BTreeMap;

use botflix_common::http::RenderState;
use botflix_common::id::{EpisodeId, RenderId};
use botflix_common::task::{Artifact, FilmFacts, TaskKind, TaskOutput};

use super::change::{Change, Published};
use super::problems;
use crate::db::episodes::{self, EpisodeRow};
use crate::db::events::NewEvent;
use crate::db::tasks::graph;
use crate::db::{DbError, renders};

/// Roles of the artifacts without which there is nothing to show.
const FILM: &str = "film";
const POSTER: &str = "poster";

/// The finished film and what belongs to it.
struct Product {
    facts: FilmFacts,
    artifacts: BTreeMap<String, Artifact>,
}

impl Change {
    /// Publishes a render in state `running` whose tasks are all done.
    pub(super) async fn publish_if_complete(&mut self, id: RenderId) -> Result<(), DbError> {
        if graph::unfinished(&mut self.tx, id).await? > 0 {
            return Ok(());
        }
        let publishing = renders::moves::enter(
            &mut self.tx,
            id,
            RenderState::Running,
            RenderState::Publishing,
        );
        if !publishing.await?.is_made() {
            return Ok(());
        }
        self.log(id, NewEvent::state()).await?;
        match self.product(id).await? {
            Ok(product) => self.publish(id, product).await,
            Err(missing) => self.fail_render(id, &problems::incomplete(missing)).await,
        }
    }

    async fn publish(&mut self, id: RenderId, product: Product) -> Result<(), DbError> {
        let render = renders::find(&mut self.tx, id)
            .await?
            .ok_or(DbError::Gone("render"))?;
        let manifest = renders::find_manifest(&mut self.tx, id).await?;
        let facts = product.facts.of_film(&manifest);
        let shown = episodes::shown(&mut self.tx, render.lineage.first).await?;
        let published = Published {
            film_seconds: facts.video_seconds,
            shots: manifest.shots.len() as u64,
            took_ms: self.now_ms - render.asked_at_ms,
        };
        let episode = EpisodeRow {
            id: shown.map_or_else(EpisodeId::fresh, |(episode, _)| episode),
            render_id: id,
            first_render_id: render.lineage.first,
            revision: render.lineage.revision,
            revised_at_ms: None,
            director_id: render.director_id,
            director_name: String::new(),
            title: manifest.title,
            description: manifest.description,
            show: manifest.show,
            season: manifest.season,
            episode: manifest.episode,
            language: manifest.language,
            visibility: if facts.draft {
                manifest.visibility.at_most_unlisted()
            } else {
                manifest.visibility
            },
            duration_seconds: facts.video_seconds,
            film: facts,
            artifacts: product.artifacts,
            published_at_ms: self.now_ms,
        };
        let kept_back = match shown {
            None => {
                episodes::insert(&mut self.tx, &episode).await?;
                None
            }
            // A look at a cut must not pull the film from under its viewers.
            Some((_, false)) if episode.film.draft => {
                Some("A finished film is shown already: this draft is not.")
            }
            Some(_) => {
                let revised = episodes::revise(&mut self.tx, &episode, self.now_ms).await?;
                (!revised.is_made())
                    .then_some("A later revision is shown already: this one is not.")
            }
        };
        if let Some(why) = kept_back {
            self.log(id, NewEvent::state().saying(why)).await?;
        }
        if !renders::moves::publish(&mut self.tx, id, self.now_ms)
            .await?
            .is_made()
        {
            return Err(DbError::Gone("render"));
        }
        self.log(id, NewEvent::state()).await?;
        self.published(published);
        Ok(())
    }

    /// The film, or what is missing of it.
    async fn product(&mut self, id: RenderId) -> Result<Result<Product, &'static str>, DbError> {
        let film = graph::record_of_kind(&mut self.tx, id, TaskKind::Assemble).await?;
        let check = graph::record_of_kind(&mut self.tx, id, TaskKind::Check).await?;
        let package = graph::record_of_kind(&mut self.tx, id, TaskKind::Package).await?;
        let Some(TaskOutput::Check { film: facts, .. }) = check.map(|record| record.output) else {
            return Ok(Err("check"));
        };
        let mut artifacts = package.map(|record| record.artifacts).unwrap_or_default();
        if !artifacts.contains_key(POSTER) {
            return Ok(Err(POSTER));
        }
        let Some(film) = film.and_then(|mut record| record.artifacts.remove(FILM)) else {
            return Ok(Err(FILM));
        };
        artifacts.insert(FILM.to_owned(), film);
        Ok(Ok(Product { facts, artifacts }))
    }
}
