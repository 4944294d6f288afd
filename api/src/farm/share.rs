//! Weighted fair shares: which director's turn it is, by start-time fair queueing.
//!
//! Every task that a director is served moves the start of its next one on by the task's cost over the director's weight; the turn is
//! whoever's next start is earliest. So directors that wait get cost in proportion to their weights, one with 1,000 tasks cannot starve one
//! with 1, and who was away neither saves up turns nor owes any. Pure: knows no database and no clock. The leader keeps it in memory, and
//! another leader begins with everybody even.

use std::collections::HashMap;

use botflix_common::id::DirectorId;

/// Cost of a task that says it costs nothing: a turn is a turn.
const LEAST_COST: f64 = 0.1;
/// Directors remembered, of those that are ahead of the lane.
const REMEMBERED: usize = 100_000;

/// The turns in one lane.
#[derive(Debug, Default)]
pub(super) struct Shares {
    /// The start of what was served last.
    now: f64,
    /// Where each director's next task may start; who is not in it starts now.
    next: HashMap<DirectorId, f64>,
}

impl Shares {
    /// Where a director's next task starts.
    pub fn start(&self, director: &DirectorId) -> f64 {
        self.next
            .get(director)
            .map_or(self.now, |next| next.max(self.now))
    }

    /// Notes that a director was served a task.
    pub fn serve(&mut self, director: DirectorId, cost: f64, weight: f64) {
        let start = self.start(&director);
        self.now = start;
        if self.next.len() >= REMEMBERED {
            self.next.retain(|_, next| *next > start);
        }
        self.next
            .insert(director, start + cost.max(LEAST_COST) / weight);
    }

    /// Of these, the place of the one whose turn it is; of several the first.
    pub fn turn<'a>(&self, waiting: impl Iterator<Item = &'a DirectorId>) -> Option<usize> {
        let starts = waiting.enumerate().map(|(at, id)| (at, self.start(id)));
        starts
            .min_by(|(_, one), (_, other)| one.total_cmp(other))
            .map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Who was served what, over a day in which all have always something to do.
    fn busy_day(weights: &[f64], costs: &[f64], turns: usize) -> Vec<f64> {
        let ids: Vec<DirectorId> = weights.iter().map(|_| DirectorId::fresh()).collect();
        let (mut shares, mut served) = (Shares::default(), vec![0.0; ids.len()]);
        for turn in 0..turns {
            let at = shares.turn(ids.iter()).unwrap();
            let cost = costs[turn % costs.len()];
            shares.serve(ids[at], cost, weights[at]);
            served[at] += cost;
        }
        served
    }

    /// 1 when all are served in proportion to their weights, 1/n when one has it all.
    fn jain(served: &[f64], weights: &[f64]) -> f64 {
        let shares: Vec<f64> = served.iter().zip(weights).map(|(s, w)| s / w).collect();
        let sum: f64 = shares.iter().sum();
        let squares: f64 = shares.iter().map(|share| share * share).sum();
        sum * sum / (shares.len() as f64 * squares)
    }

    thread_local! {
        static LOWEST: std::cell::Cell<f64> = const { std::cell::Cell::new(2.0) };
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        #[test]
        fn all_are_served_in_proportion_to_their_weights(
            weights in proptest::collection::vec(0.25_f64..8.0, 2..40),
            costs in proptest::collection::vec(0.1_f64..20.0, 1..20),
        ) {
            let jain = jain(&busy_day(&weights, &costs, 20_000), &weights);
            LOWEST.with(|lowest| {
                if jain < lowest.get() {
                    lowest.set(jain);
                    eprintln!("Jain's index of {} directors: {jain:.5}, the lowest so far", weights.len());
                }
            });
            prop_assert!(jain > 0.99, "{jain}");
        }

        #[test]
        fn nobody_waits_for_longer_than_the_others_shares_take(
            weights in proptest::collection::vec(0.25_f64..8.0, 2..40),
            late in 0..40_usize,
            before in 0..500_usize,
        ) {
            let ids: Vec<DirectorId> = weights.iter().map(|_| DirectorId::fresh()).collect();
            let late = late % ids.len();
            let mut shares = Shares::default();
            let others = || ids.iter().enumerate().filter(|(at, _)| *at != late).map(|(_, id)| id);
            for _ in 0..before {
                let at = shares.turn(others()).unwrap();
                let id = *others().nth(at).unwrap();
                let place = ids.iter().position(|other| *other == id).unwrap();
                shares.serve(id, 1.0, weights[place]);
            }
            // With one task, after everybody else has been at it for hours.
            let mut waited = 0;
            while shares.turn(ids.iter()).unwrap() != late {
                let at = shares.turn(ids.iter()).unwrap();
                shares.serve(ids[at], 1.0, weights[at]);
                waited += 1;
            }
            prop_assert!(waited <= ids.len(), "{waited} turns of others came first");
        }
    }

    #[test]
    fn who_was_away_saves_nothing_up() {
        let (busy, away) = (DirectorId::fresh(), DirectorId::fresh());
        let mut shares = Shares::default();
        for _ in 0..1000 {
            shares.serve(busy, 1.0, 1.0);
        }
        let mut streak = 0;
        while shares.turn([busy, away].iter()) == Some(1) {
            shares.serve(away, 1.0, 1.0);
            streak += 1;
        }
        assert!(streak <= 2, "{streak} turns in a row");
    }

    #[test]
    fn one_with_all_the_turns_shows_in_the_index() {
        assert!((jain(&[10.0, 0.0, 0.0, 0.0], &[1.0; 4]) - 0.25).abs() < 1e-9);
    }
}
