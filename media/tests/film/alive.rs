//! A check says that it moves in those of its steps, too, that do not say how far they are.

use std::time::Duration;

use botflix_common::task::Verify;
use botflix_media::check::check;

use crate::clips::counted;
use crate::studio::{Picture, Shot, Studio};
use crate::watched::watched;

#[tokio::test]
async fn a_check_shows_signs_of_life_of_all_that_it_reads_and_never_goes_back() {
    let studio = Studio::open().await;
    let clip = studio.path("clip.mp4");
    counted(0, 24, "24", &clip);
    let shots = [Shot::new(&clip, 24), Shot::new(&clip, 24)];
    let film = studio.film("film", Picture::Copied, "24", &shots).await;
    for verify in [Verify::Joins, Verify::Full] {
        let mut spec = film.check.clone();
        spec.verify = verify;
        let (ctx, told) = watched(&studio.ctx, Duration::ZERO);
        let checked = check(&ctx, &spec, &film.file, film.ingredients()).await;
        checked.unwrap();
        let fractions = told.fractions();
        assert!(fractions.is_sorted(), "{fractions:?}");
        assert_eq!(fractions.last(), Some(&1.0));
        // Each of the sound's 95 packets is hashed quietly.
        assert!(fractions.len() >= 95, "{verify:?}: {}", fractions.len());
    }
}
