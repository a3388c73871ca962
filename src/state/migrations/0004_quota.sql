-- What was used of services' quotas. Instants are microseconds since 1970-01-01T00:00Z. Each row
-- tells who wrote it and with which of all writes, so that others read only what is new.

CREATE TABLE quota_writes (
    count INTEGER NOT NULL
) STRICT;

INSERT INTO quota_writes (count) VALUES (0);

CREATE TABLE quota_calls (
    tenant TEXT NOT NULL,
    api TEXT NOT NULL,
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    -- By when the service has counted it.
    counted_by INTEGER NOT NULL,
    lane TEXT NOT NULL,
    ended INTEGER NOT NULL,
    -- Whether it was not sent after all.
    returned INTEGER NOT NULL,
    process TEXT NOT NULL,
    written INTEGER NOT NULL,
    PRIMARY KEY (tenant, api, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX quota_calls_by_time ON quota_calls (at);
CREATE INDEX quota_calls_by_write ON quota_calls (written);

-- Running time of the queries of which one write told that they ended in a minute.
CREATE TABLE quota_running (
    tenant TEXT NOT NULL,
    api TEXT NOT NULL,
    -- Minutes since 1970-01-01T00:00Z.
    minute INTEGER NOT NULL,
    lane TEXT NOT NULL,
    milliseconds INTEGER NOT NULL,
    process TEXT NOT NULL,
    written INTEGER NOT NULL,
    PRIMARY KEY (written, tenant, api, minute, lane)
) STRICT, WITHOUT ROWID;

CREATE INDEX quota_running_by_time ON quota_running (minute);

-- What each process learnt from refusals, as JSON of a version, and when it wrote last.
CREATE TABLE quota_learnt (
    tenant TEXT NOT NULL,
    api TEXT NOT NULL,
    version INTEGER NOT NULL,
    saved_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    process TEXT NOT NULL,
    written INTEGER NOT NULL,
    PRIMARY KEY (tenant, api, process)
) STRICT, WITHOUT ROWID;
