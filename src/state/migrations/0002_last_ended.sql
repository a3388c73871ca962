-- What a process that was killed may not have tidied up after, and whose file a window has.
CREATE INDEX runs_ended ON runs (finished_at) WHERE stage = 'closed';
CREATE INDEX runs_by_window ON runs (hunt, window_end) WHERE stage = 'closed';
