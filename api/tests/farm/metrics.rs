//! What a farm counts is what it did, on both databases: waits while nobody works, then one film, and the catalog that it is in.

use botflix_api::db::catalog;
use botflix_api::farm::Farm;
use botflix_common::exposition::{self, Sample};
use botflix_common::http::{ClipStatus, RenderState};
use botflix_common::manifest::Visibility;
use botflix_testkit::deadline;
use prometheus::{Registry, TextEncoder};

use crate::rig::{Base, LIMIT, Rig, director, quick};
use crate::script::Script;

crate::on_both_databases!(waits_films_and_the_catalog_are_counted);

fn samples(registry: &Registry) -> Vec<Sample> {
    let text = TextEncoder::new().encode_to_string(&registry.gather());
    exposition::read(&text.unwrap()).unwrap()
}

/// The sum of what has this label, or of all when it is empty.
fn sum(registry: &Registry, name: &str, (label, value): (&str, &str)) -> f64 {
    let all = samples(registry).into_iter();
    let fits = |one: &Sample| one.name == name && (label.is_empty() || one.label(label) == value);
    all.filter(fits).map(|one| one.value).sum()
}

async fn settles(
    registry: &Registry,
    name: &str,
    label: (&str, &str),
    accept: impl Fn(&f64) -> bool,
) {
    let read = async || Ok(sum(registry, name, label));
    deadline::settles(name, LIMIT, read, accept).await.unwrap();
}

async fn rig_counting_in(base: Base, registry: &Registry) -> Rig {
    let farm = Farm::start(
        base.database().await,
        base.queue(),
        base.storage(),
        quick(),
        registry,
    );
    let farm = farm.await.unwrap();
    let director = director(farm.database()).await;
    Rig {
        base,
        farm,
        director,
    }
}

async fn waits_films_and_the_catalog_are_counted(base: Base) {
    let registry = Registry::new();
    let rig = rig_counting_in(base, &registry).await;
    for zero in [
        "botflix_renders_finished_total",
        "botflix_task_failures_total",
    ] {
        assert!(samples(&registry).iter().any(|one| one.name == zero));
    }
    rig.send_clips(&["a", "b"]).await;
    let id = rig.submit("Film", &["a", "b"]).await;

    // Nobody works: inspections wait, and ever longer.
    let cpu = ("lane", "cpu");
    settles(&registry, "botflix_queue_age_seconds", cpu, |age| {
        *age > 0.5
    })
    .await;
    settles(&registry, "botflix_renders", ("state", "accepted"), |one| {
        *one == 1.0
    })
    .await;
    assert!(sum(&registry, "botflix_oldest_render_seconds", ("", "")) > 0.0);
    assert_eq!(sum(&registry, "botflix_lane_slots", ("", "")), 0.0);

    let script = Script::playing(&rig, |taken| taken.done_by("script"));
    assert_eq!(rig.ends(id).await.state, RenderState::Published);
    settles(
        &registry,
        "botflix_renders_finished_total",
        ("state", "published"),
        |one| *one == 1.0,
    )
    .await;
    assert_eq!(
        sum(&registry, "botflix_shots_published_total", ("", "")),
        2.0
    );
    assert!(sum(&registry, "botflix_film_seconds_published_total", ("", "")) > 0.0);
    assert_eq!(
        sum(&registry, "botflix_render_seconds_count", ("", "")),
        1.0
    );
    let ended = sum(
        &registry,
        "botflix_attempts_ended_total",
        ("outcome", "done"),
    );
    assert!(
        ended >= 6.0,
        "two inspections, and at least four tasks of the film: {ended}"
    );
    assert_eq!(
        sum(&registry, "botflix_dispatch_seconds_count", ("", "")),
        ended
    );
    settles(&registry, "botflix_queue_age_seconds", cpu, |age| {
        *age == 0.0
    })
    .await;
    settles(&registry, "botflix_renders", ("", ""), |one| *one == 0.0).await;
    drop(script);
    the_catalog_has_one_film_of_two_clips(&rig).await;
}

async fn the_catalog_has_one_film_of_two_clips(rig: &Rig) {
    let counts = catalog::count(rig.farm.database()).await.unwrap();
    assert_eq!(counts.directors, 1);
    let [episodes] = counts.episodes.as_slice() else {
        panic!("{counts:?}")
    };
    assert_eq!(
        (episodes.visibility, episodes.episodes),
        (Visibility::Public, 1)
    );
    assert!(episodes.seconds > 0.0, "{counts:?}");
    let [clips] = counts.clips.as_slice() else {
        panic!("{counts:?}")
    };
    assert_eq!((clips.status, clips.clips), (ClipStatus::Ready, 2));
    assert!(clips.bytes > 0, "{counts:?}");
}
