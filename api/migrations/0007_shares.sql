-- A director's share of the farm. NULL: what the farm's settings say.
ALTER TABLE directors ADD COLUMN share_weight DOUBLE PRECISION;
-- Tasks in the queue or at workers at once, and renders that have not ended.
ALTER TABLE directors ADD COLUMN task_limit BIGINT;
ALTER TABLE directors ADD COLUMN render_limit BIGINT;

-- Among renders of one director, 0 to 9; the higher goes first.
ALTER TABLE renders ADD COLUMN priority BIGINT NOT NULL DEFAULT 5;
-- The highest of the renders that ever asked for it.
ALTER TABLE tasks ADD COLUMN priority BIGINT NOT NULL DEFAULT 5;

-- Each director's line in a lane, in order. Only what waits is in it, so that picking costs the same however much is done.
CREATE INDEX tasks_in_line ON tasks (lane, director_id, priority DESC, created_at_ms, weight DESC, task_key) WHERE state = 'ready';
CREATE INDEX tasks_in_flight ON tasks (lane, director_id) WHERE state IN ('queued', 'running');
-- The latest results, for what tasks take.
CREATE INDEX attempts_by_end ON attempts (ended_at_ms) WHERE outcome = 'done';
CREATE INDEX renders_unfinished ON renders (director_id) WHERE state IN ('accepted', 'planning', 'running', 'publishing');
