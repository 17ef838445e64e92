-- A change that does not say when it was made gets the time of the database.
CREATE TRIGGER mismatch_updated_at AFTER UPDATE ON mismatch
WHEN new.updated_at = old.updated_at BEGIN
  UPDATE mismatch SET updated_at = strftime('%Y-%m-%dT%H:%M:%f000Z', 'now') WHERE id = new.id;
END

CREATE TRIGGER ai_decision_log_no_update BEFORE UPDATE ON ai_decision_log BEGIN
  SELECT RAISE(ABORT, 'ai_decision_log can only grow');
END

CREATE TRIGGER ai_decision_log_no_delete BEFORE DELETE ON ai_decision_log BEGIN
  SELECT RAISE(ABORT, 'ai_decision_log can only grow');
END

-- REPLACE deletes without a trigger unless recursive triggers are on, so a taken id is refused first.
CREATE TRIGGER ai_decision_log_no_replace BEFORE INSERT ON ai_decision_log
WHEN EXISTS (SELECT 1 FROM ai_decision_log WHERE id = new.id) BEGIN
  SELECT RAISE(ABORT, 'ai_decision_log can only grow');
END
