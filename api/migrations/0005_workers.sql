-- The farm's workers by name: what they last said of themselves, and what operators want of them. Several processes may share a name, and
-- with it their settings.
CREATE TABLE workers (
    name TEXT NOT NULL PRIMARY KEY,
    wanted TEXT NOT NULL CONSTRAINT worker_wanted
        CHECK (wanted IN ('active', 'paused', 'draining', 'stop_after_current', 'stop_now')),
    -- JSON: the processes that a stop is meant for.
    stop_instances TEXT NOT NULL,
    -- JSON.
    settings TEXT NOT NULL,
    -- The fence of changes by operators; workers are told by it what is newer.
    revision BIGINT NOT NULL,
    -- JSON: the last hello of its newest process, without what changes with every task.
    hello TEXT,
    first_seen_at_ms BIGINT NOT NULL,
    -- At most a minute old while it is there.
    last_seen_at_ms BIGINT NOT NULL
);

-- What new workers show to join. Only the SHA-256 is kept.
CREATE TABLE worker_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    -- NULL: never.
    expires_at_ms BIGINT,
    revoked_at_ms BIGINT,
    joins BIGINT NOT NULL,
    last_joined_at_ms BIGINT,
    last_worker TEXT
);
