//! The walls themselves, as tables. To move a wall, change `ARCHITECTURE.md` and the line here, together.

/// A word of the source that has one home.
pub(super) struct WordRule {
    pub rule: &'static str,
    pub words: &'static [&'static str],
    /// Where the rule holds; empty: in every crate.
    pub within: &'static [&'static str],
    /// Path prefixes that are its home.
    pub home: &'static [&'static str],
    /// A line with one of these is passed over.
    pub unless: &'static [&'static str],
    /// Whether test code keeps to it as well.
    pub tests_too: bool,
    pub why: &'static str,
}

pub(super) const WORDS: &[WordRule] = &[
    WordRule {
        rule: "spawning",
        words: &["Command::new", "tokio::process", "process::Command"],
        within: &[],
        home: &[
            "media/src/process.rs",
            "media/src/process/",
            "media/src/sandbox/",
            "cli/src/process.rs",
            "cli/src/embedded/redis.rs",
            "cli/src/demo/material.rs",
            "testkit/",
        ],
        unless: &[],
        tests_too: false,
        why: "processes are spawned in media/src/process.rs and confined in media/src/sandbox; redis-server and the demo's voice are started through cli/src/process.rs",
    },
    WordRule {
        rule: "sql",
        words: &["sqlx::", "use sqlx"],
        within: &[],
        home: &["api/src/db/", "api/tests/", "testkit/src/chaos/ledger.rs"],
        unless: &[],
        tests_too: true,
        why: "SQL lives in api/src/db; what chaos has done is read from outside in testkit/src/chaos/ledger.rs",
    },
    WordRule {
        rule: "apalis",
        words: &["apalis"],
        within: &[],
        home: &[
            "common/src/queue/",
            "common/tests/",
            "worker/",
            // A simulated worker is a member of the queue like any other.
            "testkit/src/farm_bench/node.rs",
        ],
        unless: &[],
        tests_too: true,
        why: "apalis lives in common/src/queue and worker",
    },
    WordRule {
        rule: "pure-common",
        words: &[
            "crate::queue",
            "crate::storage::",
            "crate::storage;",
            "tokio::",
            "tokio_util::",
            "object_store",
            "redis::",
            "std::fs",
            "std::net",
            "SystemTime::now",
            "OffsetDateTime::now",
        ],
        within: &["common/src/"],
        home: &[
            "common/src/queue/",
            "common/src/storage.rs",
            "common/src/storage/",
        ],
        unless: &[],
        tests_too: false,
        why: "the contract is pure data and functions; only the adapters queue and storage do I/O, and it never imports them",
    },
    WordRule {
        rule: "object-path",
        words: &["\"blobs/", "\"cache/", "\"incoming/", "\"inputs/"],
        within: &[],
        home: &["common/src/storage_key.rs"],
        unless: &[],
        tests_too: false,
        why: "object paths are built in common/src/storage_key.rs",
    },
    WordRule {
        rule: "status-code",
        words: &["StatusCode"],
        within: &["common/", "media/", "worker/", "api/"],
        home: &[
            "api/src/error.rs",
            "api/src/error/",
            "api/src/http/",
            "api/src/openapi.rs",
            "api/src/web/",
            "worker/src/listener.rs",
        ],
        unless: &[],
        tests_too: false,
        why: "the domain knows no status code: api/src/error.rs maps errors, http and web answer",
    },
    WordRule {
        rule: "environment",
        words: &["env::var(", "env::vars(", "env::var_os(", "env::vars_os("],
        within: &[],
        home: &["cli/src/settings.rs", "testkit/"],
        unless: &["\"PATH\""],
        tests_too: false,
        why: "the environment is read in cli/src/settings.rs (and PATH where a program is looked up)",
    },
    WordRule {
        rule: "unbounded",
        words: &["unbounded_channel", "mpsc::unbounded", "channel::unbounded"],
        within: &[],
        home: &[],
        unless: &[],
        tests_too: false,
        why: "every queue has a named limit",
    },
];

/// What a crate must never depend on, directly, except in its tests.
pub(super) struct CrateRule {
    pub name: &'static str,
    pub never: &'static [&'static str],
}

pub(super) const CRATES: &[CrateRule] = &[
    CrateRule {
        name: "botflix-common",
        never: &[
            "sqlx",
            "axum",
            "tower-http",
            "ffmpeg-sidecar",
            "ebur128",
            "reqwest",
            "apalis",
            "clap",
            "botflix-*",
        ],
    },
    CrateRule {
        name: "botflix-media",
        never: &[
            "axum",
            "reqwest",
            "sqlx",
            "redis",
            "object_store",
            "apalis",
            "apalis-core",
            "clap",
            "botflix-api",
            "botflix-worker",
            "botflix-cli",
        ],
    },
    CrateRule {
        name: "botflix-worker",
        never: &[
            "sqlx",
            "ffmpeg-sidecar",
            "clap",
            "botflix-api",
            "botflix-cli",
        ],
    },
    CrateRule {
        name: "botflix-api",
        never: &[
            "ffmpeg-sidecar",
            "ebur128",
            "landlock",
            "apalis",
            "apalis-core",
            "clap",
            "botflix-media",
            "botflix-worker",
            "botflix-cli",
        ],
    },
    CrateRule {
        name: "botflix-cli",
        never: &[
            "sqlx",
            "axum",
            "apalis",
            "apalis-core",
            "ffmpeg-sidecar",
            "object_store",
        ],
    },
    CrateRule {
        name: "botflix-testkit",
        never: &[
            "axum",
            "botflix-api",
            "botflix-worker",
            "botflix-media",
            "botflix-cli",
        ],
    },
];

/// Features of `botflix-common` that drag an adapter into a crate that must not have it.
pub(super) const NO_ADAPTERS: &[&str] = &["botflix-media"];
pub(super) const ADAPTERS: &[&str] = &["queue", "storage", "cloud"];

/// No source file is longer.
pub(super) const MAX_LINES: usize = 500;
/// File names that say nothing of what is in them.
pub(super) const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "helpers", "helper", "manager", "misc", "common2",
];
