-- What processes of workers failed at, one line for each kind and material; success at the kind strikes them out.
CREATE TABLE worker_strikes (
    instance TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- The clip that it read, or the task where it read several or none: one poison clip is one strike, however often it is tried.
    material TEXT NOT NULL,
    task_key TEXT NOT NULL,
    code TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (instance, kind, material)
);
CREATE INDEX worker_strikes_by_task ON worker_strikes (task_key);

-- JSON: the kinds of task that processes of the worker were taken off.
ALTER TABLE workers ADD COLUMN off_kinds TEXT NOT NULL DEFAULT '[]';

-- Clips whose tasks killed their processes too often: nothing is made of them until an operator releases them.
CREATE TABLE quarantine (
    sha256 TEXT NOT NULL PRIMARY KEY REFERENCES clips (sha256),
    -- The task that showed it, and how many of its attempts died.
    task_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    crashes BIGINT NOT NULL,
    since_ms BIGINT NOT NULL
);
