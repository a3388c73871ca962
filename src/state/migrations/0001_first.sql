-- Instants are microseconds since 1970-01-01T00:00Z; ids are 32 hexadecimal digits.

CREATE TABLE hunts (
    name TEXT PRIMARY KEY,
    source TEXT NOT NULL,
    -- Whether the running daemon has it loaded; runs of others wait until it is back.
    loaded INTEGER NOT NULL,
    -- End of the last window planned; null until a schedule runs it.
    planned INTEGER,
    -- End of the last window done with all windows before it.
    completed INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    hunt TEXT NOT NULL,
    window_start INTEGER NOT NULL,
    window_end INTEGER NOT NULL,
    fire_time INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    trigger TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    status TEXT NOT NULL,
    -- 'waiting' for its next attempt, 'running', or 'closed'.
    stage TEXT NOT NULL,
    owner TEXT,
    lease_until INTEGER,
    started_at INTEGER,
    finished_at INTEGER,
    rows INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    skipped_inputs INTEGER NOT NULL DEFAULT 0,
    matched INTEGER NOT NULL DEFAULT 0,
    new INTEGER NOT NULL DEFAULT 0,
    suppressed INTEGER NOT NULL DEFAULT 0,
    notified INTEGER NOT NULL DEFAULT 0,
    file TEXT,
    message TEXT
) STRICT, WITHOUT ROWID;

-- A window is planned once.
CREATE UNIQUE INDEX runs_window ON runs (hunt, window_end) WHERE trigger = 'schedule';
-- One run of a hunt at a time.
CREATE UNIQUE INDEX runs_running ON runs (hunt) WHERE stage = 'running';
CREATE INDEX runs_waiting ON runs (not_before, fire_time) WHERE stage = 'waiting';
CREATE INDEX runs_queue ON runs (hunt, fire_time) WHERE stage = 'waiting' AND trigger = 'schedule';
CREATE INDEX runs_by_hunt ON runs (hunt, id);

CREATE TABLE findings (
    id TEXT PRIMARY KEY,
    hunt TEXT NOT NULL,
    run TEXT NOT NULL REFERENCES runs (id),
    fingerprint TEXT NOT NULL,
    suppressed TEXT,
    -- The finding as JSON.
    body TEXT NOT NULL
) STRICT;

CREATE INDEX findings_by_hunt ON findings (hunt, id);
CREATE INDEX findings_by_run ON findings (run, id);

-- When a finding with this fingerprint was last told, or found by a hunt that tells nobody.
CREATE TABLE told (
    fingerprint TEXT PRIMARY KEY,
    told_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    -- Hunt, window and destination: the same effect is never queued twice.
    key TEXT NOT NULL UNIQUE,
    action TEXT NOT NULL,
    run TEXT NOT NULL REFERENCES runs (id),
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_error TEXT,
    -- The alert as JSON, with its version.
    alert TEXT NOT NULL
) STRICT;

CREATE INDEX deliveries_due ON deliveries (not_before, id, action) WHERE status = 'pending';
CREATE INDEX deliveries_by_status ON deliveries (status, id);
