-- What became of each attempt at a task, and what it said: from its queueing on, one row. Attempts that were queued before this table was
-- there have none.
CREATE TABLE attempts (
    task_key TEXT NOT NULL REFERENCES tasks (task_key),
    attempt BIGINT NOT NULL,
    worker TEXT,
    queued_at_ms BIGINT NOT NULL,
    started_at_ms BIGINT,
    ended_at_ms BIGINT,
    -- NULL while it is queued or runs.
    outcome TEXT CONSTRAINT attempt_outcome CHECK (outcome IN
        ('done', 'memoized', 'retried', 'failed', 'given_up', 'released', 'lost', 'vanished', 'canceled')),
    message TEXT,
    -- Of one that failed. What is for operators only is in tasks.failure and in the worker's log.
    code TEXT,
    class TEXT,
    who_can_fix TEXT,
    engine_said TEXT,
    -- Of one that is done: the build, how long it took, and the sizes of its artifacts by role, as JSON.
    engine TEXT,
    wall_seconds DOUBLE PRECISION,
    artifact_bytes TEXT,
    PRIMARY KEY (task_key, attempt)
);

-- Tasks that a render was planned with and does without since its encoder went: what was tried of them until then belongs to its log.
CREATE TABLE render_dropped_tasks (
    render_id TEXT NOT NULL REFERENCES renders (id),
    task_key TEXT NOT NULL REFERENCES tasks (task_key),
    shot TEXT,
    dropped_at_ms BIGINT NOT NULL,
    PRIMARY KEY (render_id, task_key)
);
