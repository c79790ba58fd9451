-- What a member of a batch is about, whatever its ends: the same with other ends waits as well. Members of before had no
-- ends.
ALTER TABLE batch_members ADD COLUMN matter text CHECK (length(matter) = 64);
UPDATE batch_members SET matter = member;

-- When the run began that brought it: what has just come makes no share smaller. Nothing stands for long ago.
ALTER TABLE assignments ADD COLUMN came_at_ms bigint;
ALTER TABLE relationships ADD COLUMN came_at_ms bigint;
