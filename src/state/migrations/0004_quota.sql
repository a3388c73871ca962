-- What was used of services' quotas. Instants are microseconds since 1970-01-01T00:00Z.

CREATE TABLE quota_calls (
    tenant TEXT NOT NULL,
    api TEXT NOT NULL,
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    -- By when the service has counted it.
    counted_by INTEGER NOT NULL,
    lane TEXT NOT NULL,
    ended INTEGER NOT NULL,
    PRIMARY KEY (tenant, api, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX quota_calls_by_time ON quota_calls (at);

-- Running time of the queries that ended in a minute.
CREATE TABLE quota_running (
    tenant TEXT NOT NULL,
    api TEXT NOT NULL,
    -- Minutes since 1970-01-01T00:00Z.
    minute INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,
    PRIMARY KEY (tenant, api, minute)
) STRICT, WITHOUT ROWID;

-- What each process learnt from refusals, as JSON of a version, and when it wrote last.
CREATE TABLE quota_learnt (
    tenant TEXT NOT NULL,
    api TEXT NOT NULL,
    process TEXT NOT NULL,
    version INTEGER NOT NULL,
    saved_at INTEGER NOT NULL,
    -- Whether calls of the second after that may be missing.
    open INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, api, process)
) STRICT, WITHOUT ROWID;
