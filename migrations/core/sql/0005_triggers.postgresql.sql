-- A change that does not say when it was made gets the time of the database.
CREATE FUNCTION mismatch_touch() RETURNS TRIGGER LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.updated_at = OLD.updated_at THEN
    NEW.updated_at := clock_timestamp();
  END IF;
  RETURN NEW;
END
$body$

CREATE TRIGGER mismatch_updated_at BEFORE UPDATE ON mismatch
FOR EACH ROW EXECUTE FUNCTION mismatch_touch()

CREATE FUNCTION ai_decision_log_grows() RETURNS TRIGGER LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'ai_decision_log can only grow' USING ERRCODE = 'restrict_violation';
END
$body$

CREATE TRIGGER ai_decision_log_no_change BEFORE UPDATE OR DELETE ON ai_decision_log
FOR EACH ROW EXECUTE FUNCTION ai_decision_log_grows()

CREATE TRIGGER ai_decision_log_no_truncate BEFORE TRUNCATE ON ai_decision_log
FOR EACH STATEMENT EXECUTE FUNCTION ai_decision_log_grows()
