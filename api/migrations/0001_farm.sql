-- One set of SQL for SQLite and Postgres: TEXT, BIGINT and DOUBLE PRECISION only, JSON as TEXT, times as Unix milliseconds.

CREATE TABLE directors (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    owner_email TEXT,
    generation_profile TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    director_id TEXT NOT NULL REFERENCES directors (id),
    secret_sha256 TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    revoked_at_ms BIGINT
);

-- What is known of a clip, whoever sent it. Who may name it is in director_clips.
CREATE TABLE clips (
    sha256 TEXT NOT NULL PRIMARY KEY,
    bytes BIGINT NOT NULL,
    status TEXT NOT NULL CONSTRAINT clip_status CHECK (status IN ('inspecting', 'ready', 'refused', 'failed')),
    task_key TEXT NOT NULL,
    facts TEXT,
    -- Of a refused clip: 0 its bytes are there, 2 they are being deleted, 1 they are gone. Back to 0 when somebody sends them again.
    bytes_deleted BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX clips_by_task ON clips (task_key);
CREATE INDEX clips_by_status ON clips (status, bytes_deleted);

CREATE TABLE director_clips (
    director_id TEXT NOT NULL REFERENCES directors (id),
    sha256 TEXT NOT NULL REFERENCES clips (sha256),
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (director_id, sha256)
);

CREATE TABLE renders (
    id TEXT NOT NULL PRIMARY KEY,
    director_id TEXT NOT NULL REFERENCES directors (id),
    state TEXT NOT NULL CONSTRAINT render_state
        CHECK (state IN ('accepted', 'planning', 'running', 'publishing', 'published', 'failed', 'canceled')),
    title TEXT NOT NULL,
    manifest TEXT NOT NULL,
    -- Format, ledger and lengths; the tasks of the plan are rows of render_tasks.
    plan TEXT,
    problem TEXT,
    -- The number of the last event; the event log of a render is 1, 2, 3, …
    event_seq BIGINT NOT NULL,
    progress DOUBLE PRECISION NOT NULL,
    created_at_ms BIGINT NOT NULL,
    finished_at_ms BIGINT
);
CREATE INDEX renders_by_state ON renders (state, created_at_ms);
CREATE INDEX renders_by_director ON renders (director_id, id);

CREATE TABLE render_clips (
    render_id TEXT NOT NULL REFERENCES renders (id),
    sha256 TEXT NOT NULL REFERENCES clips (sha256),
    PRIMARY KEY (render_id, sha256)
);
CREATE INDEX render_clips_by_clip ON render_clips (sha256);

-- A task is a pure function of its key, so renders that need the same work share one row.
CREATE TABLE tasks (
    task_key TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL,
    state TEXT NOT NULL CONSTRAINT task_state
        CHECK (state IN ('waiting', 'ready', 'queued', 'running', 'done', 'failed', 'canceled')),
    spec TEXT NOT NULL,
    -- On whose account it waits for a worker: the director who asked for it first.
    director_id TEXT NOT NULL REFERENCES directors (id),
    -- The fence: a report counts only for the current attempt. 0 before the first.
    attempt BIGINT NOT NULL,
    -- Attempts that ended because the process died, and attempts that failed but may be tried again.
    crashes BIGINT NOT NULL,
    retries BIGINT NOT NULL,
    worker TEXT,
    progress DOUBLE PRECISION NOT NULL,
    weight DOUBLE PRECISION NOT NULL,
    record TEXT,
    failure TEXT,
    -- When it was last asked for: its age in the line.
    created_at_ms BIGINT NOT NULL,
    -- Not to be queued before this (back-off).
    due_at_ms BIGINT NOT NULL,
    -- When it entered its state, or last reported progress.
    updated_at_ms BIGINT NOT NULL
);
CREATE INDEX tasks_by_state ON tasks (state, lane, due_at_ms);

-- What accepted records refer to: such a blob is never deleted, even if somebody uploads the same bytes as a clip that is refused.
CREATE TABLE artifacts (
    sha256 TEXT NOT NULL,
    task_key TEXT NOT NULL REFERENCES tasks (task_key),
    PRIMARY KEY (sha256, task_key)
);

CREATE TABLE task_needs (
    task_key TEXT NOT NULL REFERENCES tasks (task_key),
    needs_key TEXT NOT NULL,
    PRIMARY KEY (task_key, needs_key)
);
CREATE INDEX task_needs_by_need ON task_needs (needs_key);

CREATE TABLE render_tasks (
    render_id TEXT NOT NULL REFERENCES renders (id),
    task_key TEXT NOT NULL REFERENCES tasks (task_key),
    shot TEXT,
    PRIMARY KEY (render_id, task_key)
);
CREATE INDEX render_tasks_by_task ON render_tasks (task_key);

CREATE TABLE render_events (
    render_id TEXT NOT NULL REFERENCES renders (id),
    seq BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (render_id, seq)
);

CREATE TABLE idempotency_keys (
    director_id TEXT NOT NULL REFERENCES directors (id),
    idempotency_key TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    render_id TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (director_id, idempotency_key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at_ms);

CREATE TABLE episodes (
    id TEXT NOT NULL PRIMARY KEY,
    render_id TEXT NOT NULL CONSTRAINT one_episode_per_render UNIQUE REFERENCES renders (id),
    director_id TEXT NOT NULL REFERENCES directors (id),
    title TEXT NOT NULL,
    description TEXT,
    show_title TEXT,
    season BIGINT,
    episode BIGINT,
    language TEXT NOT NULL,
    visibility TEXT NOT NULL,
    duration_seconds DOUBLE PRECISION NOT NULL,
    -- FilmFacts, and the artifacts by role, as JSON.
    film TEXT NOT NULL,
    artifacts TEXT NOT NULL,
    published_at_ms BIGINT NOT NULL
);
CREATE INDEX episodes_by_visibility ON episodes (visibility, id);
CREATE INDEX episodes_by_director ON episodes (director_id, id);

-- Secrets that are made at first start, and other settings of the installation.
CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);
