CREATE VIRTUAL TABLE session_search USING fts5(task_title, content='session_ledger')

CREATE TRIGGER session_search_insert AFTER INSERT ON session_ledger BEGIN
  INSERT INTO session_search(rowid, task_title) VALUES (new.rowid, new.task_title);
END

CREATE TRIGGER session_search_delete AFTER DELETE ON session_ledger BEGIN
  INSERT INTO session_search(session_search, rowid, task_title)
  VALUES ('delete', old.rowid, old.task_title);
END

CREATE TRIGGER session_search_update AFTER UPDATE OF task_title ON session_ledger BEGIN
  INSERT INTO session_search(session_search, rowid, task_title)
  VALUES ('delete', old.rowid, old.task_title);
  INSERT INTO session_search(rowid, task_title) VALUES (new.rowid, new.task_title);
END
