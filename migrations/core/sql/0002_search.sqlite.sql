CREATE VIRTUAL TABLE session_search USING fts5(
  task_title, task_text, content='session_ledger', tokenize='unicode61 remove_diacritics 0'
)

INSERT INTO session_search(session_search) VALUES ('rebuild')

CREATE TRIGGER session_search_insert AFTER INSERT ON session_ledger BEGIN
  INSERT INTO session_search(rowid, task_title, task_text)
  VALUES (new.rowid, new.task_title, new.task_text);
END

CREATE TRIGGER session_search_delete AFTER DELETE ON session_ledger BEGIN
  INSERT INTO session_search(session_search, rowid, task_title, task_text)
  VALUES ('delete', old.rowid, old.task_title, old.task_text);
END

CREATE TRIGGER session_search_update AFTER UPDATE OF task_title, task_text ON session_ledger
WHEN old.task_title IS NOT new.task_title OR old.task_text IS NOT new.task_text BEGIN
  INSERT INTO session_search(session_search, rowid, task_title, task_text)
  VALUES ('delete', old.rowid, old.task_title, old.task_text);
  INSERT INTO session_search(rowid, task_title, task_text)
  VALUES (new.rowid, new.task_title, new.task_text);
END
