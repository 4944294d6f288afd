-- When a task's result was put away; the record stays for those who look back, the state is 'canceled' until somebody wants it again.
ALTER TABLE tasks ADD COLUMN forgotten_at_ms BIGINT;

-- When the progress events of a render that had ended were removed.
ALTER TABLE renders ADD COLUMN events_thinned_at_ms BIGINT;

-- Blobs that nobody referred to: 'going' from the decision on, 'gone' when their bytes were deleted. Whoever comes to refer to one looks
-- here first (docs/adr/0020).
CREATE TABLE swept_blobs (
    sha256 TEXT NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CONSTRAINT swept_state CHECK (state IN ('going', 'gone')),
    at_ms BIGINT NOT NULL
);
