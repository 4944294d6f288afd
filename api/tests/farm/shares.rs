//! Who gets a place in a lane, and who is told to wait: shares, priorities and limits of directors.

use botflix_api::db::{directors, tasks};
use botflix_api::farm::{FarmConfig, Order, Submitted};
use botflix_common::brief::CreationTier;
use botflix_common::http::{DirectorPatch, GenerationProfilePatch, ShareBody};
use botflix_common::id::{DirectorId, RenderId};
use botflix_common::task::{Lane, Priority, TaskKind, TaskSpec};
use botflix_testkit::deadline;

use crate::facts::{clip, manifest_of_width};
use crate::rig::{Base, LIMIT, Rig, director, quick};
use crate::script::Hands;

crate::on_both_databases!(
    directors_are_served_in_proportion_to_their_weights,
    one_task_of_a_newcomer_goes_before_the_rest_of_a_thousand,
    a_director_has_no_more_tasks_at_once_than_its_limit,
    what_is_urgent_goes_before_what_is_old,
    more_renders_than_the_limit_are_refused_until_some_have_ended,
);

/// One place in each lane.
fn narrow() -> FarmConfig {
    let mut config = quick();
    config.depth_without_workers = 1;
    // What is taken is finished late: the order is all that counts here.
    config.settled_after = std::time::Duration::from_secs(3600);
    config
}

impl Rig {
    /// Another director who has sent the clip.
    async fn another(&self, tier: CreationTier) -> DirectorId {
        let id = director(self.farm.database()).await;
        let patch = DirectorPatch {
            generation_profile: Some(GenerationProfilePatch {
                creation_tier: Some(tier),
                ..GenerationProfilePatch::default()
            }),
            ..DirectorPatch::default()
        };
        directors::update(self.farm.database(), id, &patch)
            .await
            .unwrap();
        self.farm.clip_arrived(id, clip("a"), 1000).await.unwrap();
        id
    }

    pub async fn set(&self, director: DirectorId, share: ShareBody) {
        directors::set_share(self.farm.database(), director, &share)
            .await
            .unwrap();
    }

    /// Films of one shot, each of another size, so that no task is shared.
    async fn films(&self, director: DirectorId, widths: std::ops::Range<usize>) -> Vec<RenderId> {
        let mut renders = Vec::new();
        for width in widths {
            renders.push(self.film(director, width, None).await.unwrap());
        }
        renders
    }

    async fn film(
        &self,
        director: DirectorId,
        width: usize,
        priority: Option<Priority>,
    ) -> Result<RenderId, Submitted> {
        let manifest = manifest_of_width(64 + 2 * width, &["a"]);
        let order = Order {
            priority,
            ..Order::new(director, &manifest)
        };
        match self.farm.submit_render(order).await.unwrap() {
            Submitted::New(id) => Ok(id),
            other => Err(other),
        }
    }

    /// A farm whose only clip is inspected, so that all there is to do are films.
    async fn with_a_clip(base: Base, config: FarmConfig) -> Self {
        let rig = base.rig_with(config).await;
        rig.send_clips(&["a"]).await;
        let hands = Hands::of(&rig, "w");
        hands.finish(&hands.take(TaskKind::Inspect).await).await;
        rig.ends_inspection(&["a"]).await;
        rig
    }

    /// The widths of the next films whose segments are handed out, each finished before the next is taken.
    async fn next_segments(&self, count: usize) -> Vec<u32> {
        let hands = Hands::of(self, "w");
        let mut widths = Vec::new();
        while widths.len() < count {
            let taken = deadline::until("a task in the lane", LIMIT, async || {
                Ok(hands.take_from(&[Lane::Cpu]).await?.pop())
            });
            let taken = taken.await.unwrap();
            if let TaskSpec::Conform(spec) = taken.spec() {
                widths.push(spec.format.width);
            }
            hands.finish(&taken).await;
        }
        widths
    }
}

/// The number that a film was asked for with.
fn number(width: u32) -> usize {
    (width as usize - 64) / 2
}

async fn directors_are_served_in_proportion_to_their_weights(base: Base) {
    let rig = Rig::with_a_clip(base, narrow()).await;
    let free = rig.another(CreationTier::Free).await;
    let paid = rig.another(CreationTier::Paid).await;
    let favoured = rig.another(CreationTier::Free).await;
    let share = ShareBody {
        weight: Some(3.0),
        ..ShareBody::default()
    };
    rig.set(favoured, share).await;
    rig.films(free, 0..40).await;
    rig.films(paid, 100..140).await;
    rig.films(favoured, 200..240).await;
    let served = rig.next_segments(32).await;
    let of = |range: std::ops::Range<usize>| {
        let own = served
            .iter()
            .filter(|width| range.contains(&number(**width)));
        own.count()
    };
    let (free, paid, favoured) = (of(0..100), of(100..200), of(200..300));
    // 1 : 4 : 3 of 32; who is first in a round is chance.
    assert!(
        (3..=5).contains(&free) && (15..=17).contains(&paid) && (11..=13).contains(&favoured),
        "{free} : {paid} : {favoured}"
    );
}

async fn one_task_of_a_newcomer_goes_before_the_rest_of_a_thousand(base: Base) {
    let rig = Rig::with_a_clip(base, narrow()).await;
    rig.films(rig.director, 0..60).await;
    let before = rig.next_segments(5).await;
    assert!(before.iter().all(|width| number(*width) < 60));
    let newcomer = rig.another(CreationTier::Free).await;
    rig.films(newcomer, 100..101).await;
    // One was in the queue already when the newcomer came.
    let next = rig.next_segments(3).await;
    assert!(next.iter().any(|width| number(*width) == 100), "{next:?}");
}

async fn a_director_has_no_more_tasks_at_once_than_its_limit(base: Base) {
    let mut config = narrow();
    config.depth_without_workers = 20;
    let rig = Rig::with_a_clip(base, config).await;
    let share = ShareBody {
        task_limit: Some(3),
        ..ShareBody::default()
    };
    rig.set(rig.director, share).await;
    rig.films(rig.director, 0..10).await;
    let other = rig.another(CreationTier::Free).await;
    rig.films(other, 100..105).await;
    let in_flight = async || {
        let mut tasks = Vec::new();
        for lane in Lane::ALL {
            tasks.extend(tasks::in_flight(rig.farm.database(), lane).await?);
        }
        anyhow::Ok(tasks.len())
    };
    // All segments of the other can be queued, and three tasks of the first. The silent sound is one for all films.
    let of_other = 5;
    deadline::until("all that may be queued is", LIMIT, async || {
        Ok((in_flight().await? == 3 + of_other).then_some(()))
    })
    .await
    .unwrap();
    rig.farm.wake();
    assert_eq!(in_flight().await.unwrap(), 3 + of_other);
    assert_eq!(rig.next_segments(1).await.len(), 1);
}

async fn what_is_urgent_goes_before_what_is_old(base: Base) {
    let rig = Rig::with_a_clip(base, narrow()).await;
    rig.films(rig.director, 0..6).await;
    let urgent = Priority::try_from(9).unwrap();
    rig.film(rig.director, 100, Some(urgent)).await.unwrap();
    let next = rig.next_segments(3).await;
    assert!(
        next[..2].iter().any(|width| number(*width) == 100),
        "{next:?}"
    );
    // A film that is there already and is wanted again, this time soon.
    rig.film(rig.director, 5, Some(urgent)).await.unwrap();
    let next = rig.next_segments(2).await;
    assert!(next.iter().any(|width| number(*width) == 5), "{next:?}");
}

async fn more_renders_than_the_limit_are_refused_until_some_have_ended(base: Base) {
    let mut config = narrow();
    config.renders_per_director = 3;
    let rig = Rig::with_a_clip(base, config).await;
    let renders = rig.films(rig.director, 0..3).await;
    let refused = rig.film(rig.director, 3, None).await;
    assert_eq!(refused, Err(Submitted::TooMany { limit: 3 }));
    let other = rig.another(CreationTier::Free).await;
    assert!(rig.film(other, 4, None).await.is_ok());
    rig.farm.cancel_render(renders[0]).await.unwrap();
    assert!(rig.film(rig.director, 3, None).await.is_ok());
    let share = ShareBody {
        render_limit: Some(4),
        ..ShareBody::default()
    };
    rig.set(rig.director, share).await;
    assert!(rig.film(rig.director, 5, None).await.is_ok());
}
