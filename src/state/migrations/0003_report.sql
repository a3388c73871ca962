-- What the source told of the last attempt, as JSON with its version: the parts of the window and
-- the calls made.
ALTER TABLE runs ADD COLUMN report TEXT;
