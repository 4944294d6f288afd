//! Named places between two steps at which a test has this process die, as if it had been killed there.
//!
//! A place costs one look at an empty list. Must not know who arms it, nor what the steps are.

use std::fmt;
use std::sync::OnceLock;

use crate::task::{AttemptId, TaskKind};

/// Where a process can be told to die. The names are words of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailPoint {
    /// A worker has the task, and nobody knows it yet.
    AfterLease,
    /// The files are made, and on this machine only.
    BeforeUpload,
    /// The files are stored, and nothing names them.
    AfterUpload,
    /// The result is remembered in storage, and not reported.
    AfterRecord,
    /// Redis has the report, and the task's entry as well.
    AfterReport,
    /// A render is stored, and its 202 is not sent.
    AfterAccept,
    /// A task is queued in SQL, and not in Redis.
    BeforePush,
    /// A task is queued in both, and nobody was told.
    AfterPush,
    /// SQL has taken a report, and Redis was not told so.
    AfterTaking,
}

impl FailPoint {
    /// Those that a task passes on a worker, in this order.
    pub const OF_WORKERS: [Self; 5] = [
        Self::AfterLease,
        Self::BeforeUpload,
        Self::AfterUpload,
        Self::AfterRecord,
        Self::AfterReport,
    ];
    pub const OF_THE_API: [Self; 4] = [
        Self::AfterAccept,
        Self::BeforePush,
        Self::AfterPush,
        Self::AfterTaking,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::AfterLease => "after_lease",
            Self::BeforeUpload => "before_upload",
            Self::AfterUpload => "after_upload",
            Self::AfterRecord => "after_record",
            Self::AfterReport => "after_report",
            Self::AfterAccept => "after_accept",
            Self::BeforePush => "before_push",
            Self::AfterPush => "after_push",
            Self::AfterTaking => "after_taking",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let all = Self::OF_WORKERS.into_iter().chain(Self::OF_THE_API);
        all.into_iter().find(|point| point.name() == name)
    }
}

/// What passes a point.
#[derive(Clone, Copy, Debug, Default)]
pub struct Passing {
    pub kind: Option<TaskKind>,
    /// 0 where there is none.
    pub attempt: u32,
}

impl Passing {
    pub fn of(kind: TaskKind, id: AttemptId) -> Self {
        Self {
            kind: Some(kind),
            attempt: id.attempt,
        }
    }
}

/// `POINT`, `POINT:KIND`, `POINT@N` or `POINT:KIND@N`, separated by commas: the process dies at the point, only for tasks of the kind,
/// only up to the N-th attempt at a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traps(Vec<Trap>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Trap {
    point: FailPoint,
    kind: Option<TaskKind>,
    up_to_attempt: Option<u32>,
}

/// Words that mean no trap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not POINT, POINT:KIND, POINT@ATTEMPTS or POINT:KIND@ATTEMPTS")]
pub struct NoTrap(String);

impl Traps {
    pub fn parse(words: &str) -> Result<Self, NoTrap> {
        let words = words.split(',').filter(|word| !word.is_empty());
        words.map(Trap::parse).collect::<Result<_, _>>().map(Self)
    }

    fn catches(&self, point: FailPoint, passing: Passing) -> bool {
        self.0.iter().any(|trap| {
            trap.point == point
                && trap.kind.is_none_or(|kind| passing.kind == Some(kind))
                && trap
                    .up_to_attempt
                    .is_none_or(|up_to| passing.attempt <= up_to)
        })
    }
}

impl Trap {
    fn parse(word: &str) -> Result<Self, NoTrap> {
        let read = || {
            let (place, up_to) = match word.split_once('@') {
                Some((place, up_to)) => (place, Some(up_to.parse().ok()?)),
                None => (word, None),
            };
            let (point, kind) = match place.split_once(':') {
                Some((point, kind)) => (point, Some(TaskKind::parse(kind)?)),
                None => (place, None),
            };
            Some(Self {
                point: FailPoint::parse(point)?,
                kind,
                up_to_attempt: up_to,
            })
        };
        read().ok_or_else(|| NoTrap(word.to_owned()))
    }
}

impl fmt::Display for Traps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|trap| trap.point.name()).collect();
        f.write_str(&names.join(", "))
    }
}

static ARMED: OnceLock<Traps> = OnceLock::new();

/// Once in a process, at its start; later calls change nothing.
pub fn arm(traps: Traps) {
    ARMED.get_or_init(|| traps);
}

/// Goes on, or does not.
pub fn pass(point: FailPoint, passing: Passing) {
    if ARMED
        .get()
        .is_some_and(|traps| traps.catches(point, passing))
    {
        eprintln!("fail point {}: dies as it was told to", point.name());
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trap_catches_its_point_kind_and_attempts_and_nothing_else() {
        let traps = Traps::parse("after_upload:conform@2,before_push").unwrap();
        let of = |kind, attempt| Passing {
            kind: Some(kind),
            attempt,
        };
        assert!(traps.catches(FailPoint::AfterUpload, of(TaskKind::Conform, 2)));
        assert!(!traps.catches(FailPoint::AfterUpload, of(TaskKind::Conform, 3)));
        assert!(!traps.catches(FailPoint::AfterUpload, of(TaskKind::Mix, 1)));
        assert!(!traps.catches(FailPoint::AfterRecord, of(TaskKind::Conform, 1)));
        assert!(traps.catches(FailPoint::BeforePush, Passing::default()));
        assert_eq!(Traps::parse(""), Ok(Traps::default()));
    }

    #[test]
    fn words_that_mean_no_trap_are_refused() {
        for words in ["after_lunch", "after_upload:cook", "after_upload@soon"] {
            assert_eq!(Traps::parse(words), Err(NoTrap(words.to_owned())));
        }
    }
}
