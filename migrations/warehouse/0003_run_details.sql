-- What a run looked like when an event was written, as a hash inside the event: an edit of the run,
-- of its inputs or of its outputs shows like one of the event itself.
ALTER TABLE run_events ADD COLUMN details_sha256 VARCHAR;
