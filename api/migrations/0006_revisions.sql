-- A revision is a render of its own; all revisions of a film have one episode, whose link stays. NULL: the render (or the episode's) is the first.
ALTER TABLE renders ADD COLUMN first_render_id TEXT;
ALTER TABLE renders ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
-- When it was last asked for once more, after it had ended. NULL: never.
ALTER TABLE renders ADD COLUMN reopened_at_ms BIGINT;
CREATE INDEX renders_by_first ON renders (first_render_id);

ALTER TABLE episodes ADD COLUMN first_render_id TEXT;
ALTER TABLE episodes ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
-- When a later revision took the place of an earlier one.
ALTER TABLE episodes ADD COLUMN revised_at_ms BIGINT;
CREATE UNIQUE INDEX episodes_by_first ON episodes (first_render_id);
