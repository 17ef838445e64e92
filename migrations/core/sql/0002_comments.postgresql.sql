-- One part of many statements: they go to the server together.
COMMENT ON TABLE session_ledger IS 'One row per agent session.';
COMMENT ON COLUMN session_ledger.session_id IS 'The producer''s id of the session.';
COMMENT ON COLUMN session_ledger.client_run_id IS 'The producer''s own run id.';
COMMENT ON COLUMN session_ledger.agent_id IS 'The agent that ran.';
COMMENT ON COLUMN session_ledger.agent_label IS 'The agent''s name for people.';
COMMENT ON COLUMN session_ledger.model_id IS
  'Primary model: the one with the most tokens among the calls.';
COMMENT ON COLUMN session_ledger.task_title IS 'What the session was about, one line.';
COMMENT ON COLUMN session_ledger.task_text IS 'The first request, cut to 4,000 characters.';
COMMENT ON COLUMN session_ledger.task_category IS
  'Kind of task; `uncategorized` where the source knows none.';
COMMENT ON COLUMN session_ledger.status IS 'How the session stands or ended.';
COMMENT ON COLUMN session_ledger.started_at IS 'First sign of the session.';
COMMENT ON COLUMN session_ledger.ended_at IS 'Last sign of the session; NULL while unknown.';
COMMENT ON COLUMN session_ledger.runtime_ms IS 'Wall clock from start to end.';
COMMENT ON COLUMN session_ledger.artifact_count IS 'Artifacts the producer counted.';
COMMENT ON COLUMN session_ledger.error_code IS 'Code of the failure.';
COMMENT ON COLUMN session_ledger.error_message IS 'The failure in the producer''s words.';
COMMENT ON COLUMN session_ledger.source IS 'Reader or `http` that brought the session.';
COMMENT ON COLUMN session_ledger.source_version IS 'Version of the producing tool.';
COMMENT ON COLUMN session_ledger.source_uri IS 'File or endpoint it came from.';
COMMENT ON COLUMN session_ledger.cwd IS 'Working directory of the agent.';
COMMENT ON COLUMN session_ledger.git_branch IS 'Branch the agent worked on.';
COMMENT ON COLUMN session_ledger.git_commit IS 'Commit the agent started from.';
COMMENT ON COLUMN session_ledger.payload_sha256 IS
  'Fingerprint of the canonical envelope (RFC 8785); NULL for a merged session log.';
COMMENT ON COLUMN session_ledger.idempotency_key IS
  'Key under which the session was accepted; unique.';
COMMENT ON COLUMN session_ledger.revision IS
  'Envelope revision; a higher one replaces the session.';
COMMENT ON COLUMN session_ledger.ingested_at IS 'When the row was last written.';
COMMENT ON COLUMN session_ledger.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON TABLE session_events IS 'One row per thing that happened in a session.';
COMMENT ON COLUMN session_events.event_id IS
  'Stable id: session, then the source''s own id of the event.';
COMMENT ON COLUMN session_events.session_id IS 'The session.';
COMMENT ON COLUMN session_events.source_uri IS 'File or endpoint it came from.';
COMMENT ON COLUMN session_events.source_line IS 'Line of the file, from 1.';
COMMENT ON COLUMN session_events.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON COLUMN session_events.seq IS
  'Order within the source: line of the file, or place in the envelope.';
COMMENT ON COLUMN session_events.event_type IS 'What kind of thing happened.';
COMMENT ON COLUMN session_events.event_ts IS 'When it happened.';
COMMENT ON COLUMN session_events.payload_json IS
  'Details as one JSON object; from logs only names, ids and sizes.';
COMMENT ON TABLE session_usage IS 'One row per model call.';
COMMENT ON COLUMN session_usage.usage_id IS 'Stable key of the call, equal in every copy of it.';
COMMENT ON COLUMN session_usage.session_id IS
  'The session that owns the call: the one that started first.';
COMMENT ON COLUMN session_usage.source_uri IS 'File or endpoint it came from.';
COMMENT ON COLUMN session_usage.source_line IS 'Line of the file, from 1.';
COMMENT ON COLUMN session_usage.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON COLUMN session_usage.seq IS
  'Order within the source: line of the file, or place in the envelope.';
COMMENT ON COLUMN session_usage.occurred_at IS 'When the call was answered.';
COMMENT ON COLUMN session_usage.provider IS 'Who served the model.';
COMMENT ON COLUMN session_usage.model_id IS 'The model as the source names it.';
COMMENT ON COLUMN session_usage.prompt_tokens IS 'Input tokens that no cache served.';
COMMENT ON COLUMN session_usage.cache_read_tokens IS 'Input tokens read from a cache.';
COMMENT ON COLUMN session_usage.cache_write_5m_tokens IS
  'Tokens written to a five-minute cache (also of unknown kind).';
COMMENT ON COLUMN session_usage.cache_write_1h_tokens IS 'Tokens written to a one-hour cache.';
COMMENT ON COLUMN session_usage.completion_tokens IS 'Output tokens, reasoning included.';
COMMENT ON COLUMN session_usage.reasoning_tokens IS 'Output tokens spent on reasoning.';
COMMENT ON COLUMN session_usage.total_tokens IS 'Prompt, cache read, cache writes, completion.';
COMMENT ON COLUMN session_usage.price_context IS
  'Request option that changes the price, as `speed=fast`; NULL for the list price.';
COMMENT ON COLUMN session_usage.runtime_ms IS 'Duration of the call.';
COMMENT ON COLUMN session_usage.cost_usd IS
  'Cost of the call; NULL while unknown, never zero for unknown.';
COMMENT ON COLUMN session_usage.pricing_version IS
  'Version of the price list behind the cost; `provider_native` for a reported cost.';
COMMENT ON COLUMN session_usage.cost_source IS 'Who says what it cost.';
COMMENT ON COLUMN session_usage.cost_confidence IS 'How far the cost can be trusted.';
COMMENT ON COLUMN session_usage.token_source IS 'Who counted the tokens.';
COMMENT ON COLUMN session_usage.token_confidence IS 'How far the counts can be trusted.';
COMMENT ON COLUMN session_usage.runtime_source IS 'Who measured the runtime.';
COMMENT ON COLUMN session_usage.runtime_confidence IS 'How far the runtime can be trusted.';
COMMENT ON COLUMN session_usage.computed_at IS 'When the cost was computed.';
COMMENT ON TABLE session_tellings IS
  'One row per file that tells of a session which several files tell of.';
COMMENT ON COLUMN session_tellings.session_id IS 'The session.';
COMMENT ON COLUMN session_tellings.source_uri IS 'The file.';
COMMENT ON COLUMN session_tellings.telling_json IS
  'The session as this file alone tells it; all together make its row.';
COMMENT ON COLUMN session_tellings.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON TABLE call_copies IS
  'One row per session that holds a copy of a call which several sessions hold.';
COMMENT ON COLUMN call_copies.usage_id IS 'The call.';
COMMENT ON COLUMN call_copies.session_id IS
  'A session that holds a copy; the first of them to start owns it.';
COMMENT ON COLUMN call_copies.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON TABLE usage_cost_history IS 'One row per price that a call has had.';
COMMENT ON COLUMN usage_cost_history.usage_id IS 'The call.';
COMMENT ON COLUMN usage_cost_history.seq IS '0 is the first price, then one for each re-pricing.';
COMMENT ON COLUMN usage_cost_history.pricing_version IS 'Price list behind this cost.';
COMMENT ON COLUMN usage_cost_history.cost_usd IS
  'The cost under that list; NULL where it has no price.';
COMMENT ON COLUMN usage_cost_history.reason IS 'Why the cost was computed.';
COMMENT ON COLUMN usage_cost_history.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON COLUMN usage_cost_history.computed_at IS 'When it was computed.';
COMMENT ON TABLE import_reports IS 'One row per import.';
COMMENT ON COLUMN import_reports.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON COLUMN import_reports.started_at IS 'When the import began.';
COMMENT ON COLUMN import_reports.finished_at IS 'When it ended; NULL while it runs.';
COMMENT ON COLUMN import_reports.outcome IS
  'How it stands or ended; a failed one keeps what it had committed.';
COMMENT ON COLUMN import_reports.files IS 'Files looked at.';
COMMENT ON COLUMN import_reports.files_unchanged IS 'Files that cost only a stat.';
COMMENT ON COLUMN import_reports.records_read IS 'Source records (lines, envelopes) read.';
COMMENT ON COLUMN import_reports.records_written IS 'Records that gave or changed a row.';
COMMENT ON COLUMN import_reports.records_duplicate IS 'Records whose rows were all there.';
COMMENT ON COLUMN import_reports.records_skipped IS 'Records that carry nothing for the ledger.';
COMMENT ON COLUMN import_reports.records_quarantined IS 'Records that could not be read.';
COMMENT ON COLUMN import_reports.records_deferred IS 'Partial last lines of growing files.';
COMMENT ON COLUMN import_reports.sessions_new IS 'Sessions that came into being.';
COMMENT ON COLUMN import_reports.sessions_changed IS 'Sessions that changed.';
COMMENT ON COLUMN import_reports.calls_new IS 'Calls that came into being.';
COMMENT ON COLUMN import_reports.calls_changed IS 'Calls that changed.';
COMMENT ON COLUMN import_reports.events_new IS 'Events that came into being.';
COMMENT ON COLUMN import_reports.events_changed IS 'Events that changed.';
COMMENT ON COLUMN import_reports.bytes_read IS 'Bytes read.';
COMMENT ON COLUMN import_reports.report_json IS
  'The whole report: also errors and seconds; `{}` while it runs.';
COMMENT ON TABLE import_files IS 'One row per file that was imported.';
COMMENT ON COLUMN import_files.path IS 'Absolute path.';
COMMENT ON COLUMN import_files.reader IS 'Reader that understood the file.';
COMMENT ON COLUMN import_files.inode IS 'Inode at the last import.';
COMMENT ON COLUMN import_files.size IS 'Size at the last import.';
COMMENT ON COLUMN import_files.mtime_ns IS 'Modification time at the last import.';
COMMENT ON COLUMN import_files.sha256 IS 'Hash of the first `byte_offset` bytes.';
COMMENT ON COLUMN import_files.byte_offset IS 'Bytes whose rows are committed.';
COMMENT ON COLUMN import_files.line_offset IS 'Lines whose rows are committed.';
COMMENT ON COLUMN import_files.bad_lines IS 'Bad ones among them.';
COMMENT ON COLUMN import_files.bad_in_a_row IS 'Bad ones at their end, with no good one after.';
COMMENT ON COLUMN import_files.state IS 'Where the import stands.';
COMMENT ON COLUMN import_files.reader_state IS
  'What the reader must remember to go on at the offset.';
COMMENT ON COLUMN import_files.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON COLUMN import_files.imported_at IS 'When the row was last written.';
COMMENT ON TABLE ingest_quarantine IS 'One row per line that could not be read.';
COMMENT ON COLUMN ingest_quarantine.source_uri IS 'The file.';
COMMENT ON COLUMN ingest_quarantine.source_line IS 'Line of the file, from 1.';
COMMENT ON COLUMN ingest_quarantine.sha256 IS 'Hash of all bytes of the line.';
COMMENT ON COLUMN ingest_quarantine.raw IS 'The bytes as found, at most the first 65,536 of them.';
COMMENT ON COLUMN ingest_quarantine.raw_bytes IS
  'How many bytes the line has; more than `raw` where it was cut.';
COMMENT ON COLUMN ingest_quarantine.error_code IS 'Why it was refused.';
COMMENT ON COLUMN ingest_quarantine.error_message IS
  'The reason in a sentence; never echoes the input.';
COMMENT ON COLUMN ingest_quarantine.first_seen IS 'When it was first refused.';
COMMENT ON COLUMN ingest_quarantine.attempts IS 'How often it was refused.';
COMMENT ON COLUMN ingest_quarantine.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON TABLE dirty_days IS 'One row per dataset and day that must be refreshed.';
COMMENT ON COLUMN dirty_days.dataset IS 'What is out of date on the day.';
COMMENT ON COLUMN dirty_days.bucket_date IS 'The UTC day.';
COMMENT ON COLUMN dirty_days.generation IS
  'Grows with every write to the day; a refresh clears what it saw.';
COMMENT ON COLUMN dirty_days.marked_at IS 'When the day last became dirty.';
COMMENT ON COLUMN dirty_days.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON TABLE ledger_totals IS 'One row per UTC day on which something was written.';
COMMENT ON COLUMN ledger_totals.bucket_date IS
  'The UTC day of the calls, and of the starts of the sessions.';
COMMENT ON COLUMN ledger_totals.sessions IS 'Sessions that started on the day.';
COMMENT ON COLUMN ledger_totals.calls IS 'Model calls on the day.';
COMMENT ON COLUMN ledger_totals.total_tokens IS 'Tokens of the calls.';
COMMENT ON COLUMN ledger_totals.cost_usd IS 'Known cost of the calls.';
COMMENT ON COLUMN ledger_totals.cost_unknown_calls IS 'Calls without a known cost.';
COMMENT ON COLUMN ledger_totals.updated_at IS 'When the day was last written to.';
COMMENT ON COLUMN ledger_totals.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON TABLE audit_log IS 'One row per action worth defending.';
COMMENT ON COLUMN audit_log.audit_id IS 'Id of the entry.';
COMMENT ON COLUMN audit_log.occurred_at IS 'When.';
COMMENT ON COLUMN audit_log.actor IS 'Who: a token''s name, a command, a run.';
COMMENT ON COLUMN audit_log.action IS 'What was done.';
COMMENT ON COLUMN audit_log.subject IS 'To what.';
COMMENT ON COLUMN audit_log.details_json IS 'Details as one JSON object.';
COMMENT ON TABLE api_tokens IS 'One row per access token.';
COMMENT ON COLUMN api_tokens.token_id IS 'Public id of the token.';
COMMENT ON COLUMN api_tokens.name IS 'Whose it is.';
COMMENT ON COLUMN api_tokens.token_sha256 IS 'Hash of the secret; the secret itself is shown once.';
COMMENT ON COLUMN api_tokens.scope IS 'What it allows.';
COMMENT ON COLUMN api_tokens.created_at IS 'When it was made.';
COMMENT ON COLUMN api_tokens.expires_at IS 'When it ends.';
COMMENT ON COLUMN api_tokens.revoked_at IS 'When it was revoked.';
COMMENT ON TABLE daily_usage_agg IS 'One row per UTC day, agent, model and task category.';
COMMENT ON COLUMN daily_usage_agg.bucket_date IS 'UTC day.';
COMMENT ON COLUMN daily_usage_agg.agent_id IS 'The agent.';
COMMENT ON COLUMN daily_usage_agg.model_id IS
  'The call''s model; for runs the session''s primary model.';
COMMENT ON COLUMN daily_usage_agg.task_category IS 'Kind of task.';
COMMENT ON COLUMN daily_usage_agg.runs_total IS
  'Sessions that started on the day and whose primary model this is. Does not add up over models that only served calls.';
COMMENT ON COLUMN daily_usage_agg.calls_total IS 'Model calls on the day.';
COMMENT ON COLUMN daily_usage_agg.runtime_ms_total IS
  'Wall clock of the sessions counted in runs_total.';
COMMENT ON COLUMN daily_usage_agg.prompt_tokens_total IS 'Input tokens that no cache served.';
COMMENT ON COLUMN daily_usage_agg.cache_read_tokens_total IS 'Input tokens read from a cache.';
COMMENT ON COLUMN daily_usage_agg.cache_write_5m_tokens_total IS
  'Tokens written to a five-minute cache (also of unknown kind).';
COMMENT ON COLUMN daily_usage_agg.cache_write_1h_tokens_total IS
  'Tokens written to a one-hour cache.';
COMMENT ON COLUMN daily_usage_agg.completion_tokens_total IS 'Output tokens, reasoning included.';
COMMENT ON COLUMN daily_usage_agg.reasoning_tokens_total IS 'Output tokens spent on reasoning.';
COMMENT ON COLUMN daily_usage_agg.total_tokens_total IS
  'Prompt, cache read, cache writes, completion.';
COMMENT ON COLUMN daily_usage_agg.cost_usd_total IS 'Known cost of the calls.';
COMMENT ON COLUMN daily_usage_agg.cost_unknown_calls IS 'Calls without a known cost.';
COMMENT ON COLUMN daily_usage_agg.updated_at IS 'When the row was computed.';
COMMENT ON COLUMN daily_usage_agg.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON TABLE daily_provenance_agg IS
  'One row per UTC day, provider, model and combination of provenance.';
COMMENT ON COLUMN daily_provenance_agg.bucket_date IS 'UTC day.';
COMMENT ON COLUMN daily_provenance_agg.provider IS 'Who served the model.';
COMMENT ON COLUMN daily_provenance_agg.model_id IS 'The call''s model.';
COMMENT ON COLUMN daily_provenance_agg.pricing_version IS
  'Price list behind the costs; empty where there is no cost.';
COMMENT ON COLUMN daily_provenance_agg.cost_source IS 'Who says what it cost.';
COMMENT ON COLUMN daily_provenance_agg.cost_confidence IS 'How far the cost can be trusted.';
COMMENT ON COLUMN daily_provenance_agg.token_source IS 'Who counted the tokens.';
COMMENT ON COLUMN daily_provenance_agg.token_confidence IS 'How far the counts can be trusted.';
COMMENT ON COLUMN daily_provenance_agg.runtime_source IS 'Who measured the runtime.';
COMMENT ON COLUMN daily_provenance_agg.runtime_confidence IS 'How far the runtime can be trusted.';
COMMENT ON COLUMN daily_provenance_agg.sessions_total IS 'Sessions with such calls on the day.';
COMMENT ON COLUMN daily_provenance_agg.calls_total IS 'Model calls on the day.';
COMMENT ON COLUMN daily_provenance_agg.prompt_tokens_total IS 'Input tokens that no cache served.';
COMMENT ON COLUMN daily_provenance_agg.cache_read_tokens_total IS 'Input tokens read from a cache.';
COMMENT ON COLUMN daily_provenance_agg.cache_write_5m_tokens_total IS
  'Tokens written to a five-minute cache (also of unknown kind).';
COMMENT ON COLUMN daily_provenance_agg.cache_write_1h_tokens_total IS
  'Tokens written to a one-hour cache.';
COMMENT ON COLUMN daily_provenance_agg.completion_tokens_total IS
  'Output tokens, reasoning included.';
COMMENT ON COLUMN daily_provenance_agg.reasoning_tokens_total IS
  'Output tokens spent on reasoning.';
COMMENT ON COLUMN daily_provenance_agg.total_tokens_total IS
  'Prompt, cache read, cache writes, completion.';
COMMENT ON COLUMN daily_provenance_agg.cost_usd_total IS 'Known cost of the calls.';
COMMENT ON COLUMN daily_provenance_agg.cost_unknown_calls IS 'Calls without a known cost.';
COMMENT ON COLUMN daily_provenance_agg.updated_at IS 'When the row was computed.';
COMMENT ON COLUMN daily_provenance_agg.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON TABLE model_perf_agg IS
  'One row per trailing window, agent (or *), task category (or *) and primary model.';
COMMENT ON COLUMN model_perf_agg.window_start IS 'First day of the window.';
COMMENT ON COLUMN model_perf_agg.window_end IS 'Last day of the window, included.';
COMMENT ON COLUMN model_perf_agg.agent_id IS 'The agent; `*` for all.';
COMMENT ON COLUMN model_perf_agg.task_category IS 'Kind of task; `*` for all.';
COMMENT ON COLUMN model_perf_agg.model_id IS 'Primary model of the sessions.';
COMMENT ON COLUMN model_perf_agg.runs_total IS 'Sessions that started in the window.';
COMMENT ON COLUMN model_perf_agg.success_count IS 'Sessions that succeeded.';
COMMENT ON COLUMN model_perf_agg.failure_count IS 'Sessions that failed.';
COMMENT ON COLUMN model_perf_agg.killed_count IS 'Sessions that were killed.';
COMMENT ON COLUMN model_perf_agg.cancelled_count IS 'Sessions that were cancelled.';
COMMENT ON COLUMN model_perf_agg.success_rate IS
  'Successes over ended sessions; NULL while none has ended.';
COMMENT ON COLUMN model_perf_agg.median_runtime_ms IS 'Median wall clock.';
COMMENT ON COLUMN model_perf_agg.p95_runtime_ms IS '95th percentile of the wall clock.';
COMMENT ON COLUMN model_perf_agg.median_cost_usd IS
  'Median cost of the sessions whose cost is known.';
COMMENT ON COLUMN model_perf_agg.sample_warning IS
  '1 where runs_total is below 5: too few to compare.';
COMMENT ON COLUMN model_perf_agg.updated_at IS 'When the row was computed.';
COMMENT ON COLUMN model_perf_agg.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON TABLE retention_marks IS 'One row per kind of rows that are only kept for a time.';
COMMENT ON COLUMN retention_marks.subject IS 'What was dropped.';
COMMENT ON COLUMN retention_marks.kept_from IS
  'The first UTC day whose rows are kept; parity is checked from it on.';
COMMENT ON COLUMN retention_marks.updated_at IS 'When the mark moved.';
COMMENT ON COLUMN retention_marks.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON TABLE alert_rules IS 'One row per rule.';
COMMENT ON COLUMN alert_rules.rule_id IS 'Id of the rule.';
COMMENT ON COLUMN alert_rules.metric IS 'What the rule watches.';
COMMENT ON COLUMN alert_rules.scope IS 'What it looks at.';
COMMENT ON COLUMN alert_rules.agent_id IS 'The agent, where the scope names one.';
COMMENT ON COLUMN alert_rules.model_id IS 'The model, where the scope names one.';
COMMENT ON COLUMN alert_rules.warn_threshold IS 'From here on a warning.';
COMMENT ON COLUMN alert_rules.critical_threshold IS
  'From here on critical; no lower than the warning.';
COMMENT ON COLUMN alert_rules.time_window IS 'How far back it looks.';
COMMENT ON COLUMN alert_rules.comparison IS 'When a value breaches.';
COMMENT ON COLUMN alert_rules.dedup_cooldown_sec IS 'Repeats inside this time are not notified.';
COMMENT ON COLUMN alert_rules.enabled IS '1 while in force.';
COMMENT ON COLUMN alert_rules.created_at IS 'When it was made.';
COMMENT ON COLUMN alert_rules.updated_at IS 'When it was last changed.';
COMMENT ON TABLE alert_state IS 'One row per rule and scope.';
COMMENT ON COLUMN alert_state.rule_id IS 'The rule.';
COMMENT ON COLUMN alert_state.scope_key IS
  'What was judged: `global`, an agent, a model or `agent|model`.';
COMMENT ON COLUMN alert_state.status IS 'How bad the last judged value was.';
COMMENT ON COLUMN alert_state.lifecycle IS 'Where the alert stands.';
COMMENT ON COLUMN alert_state.data_state IS 'Whether there was anything to judge.';
COMMENT ON COLUMN alert_state.last_value IS 'The last judged value.';
COMMENT ON COLUMN alert_state.evaluated_at IS 'When it was last judged.';
COMMENT ON COLUMN alert_state.transition_at IS 'When it last changed.';
COMMENT ON COLUMN alert_state.notified_at IS 'When somebody was last told.';
COMMENT ON COLUMN alert_state.suppressed_until IS 'End of an operator''s suppression.';
COMMENT ON COLUMN alert_state.fingerprint IS 'Rule, scope and severity; not the value.';
COMMENT ON COLUMN alert_state.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON TABLE alert_transitions IS 'One row per change of an alert''s state.';
COMMENT ON COLUMN alert_transitions.transition_id IS 'Id of the transition.';
COMMENT ON COLUMN alert_transitions.rule_id IS 'The rule.';
COMMENT ON COLUMN alert_transitions.scope_key IS 'What was judged.';
COMMENT ON COLUMN alert_transitions.occurred_at IS 'When.';
COMMENT ON COLUMN alert_transitions.from_status IS 'Status before.';
COMMENT ON COLUMN alert_transitions.to_status IS 'Status after.';
COMMENT ON COLUMN alert_transitions.from_lifecycle IS 'Lifecycle before.';
COMMENT ON COLUMN alert_transitions.to_lifecycle IS 'Lifecycle after.';
COMMENT ON COLUMN alert_transitions.value IS 'The value that was judged.';
COMMENT ON COLUMN alert_transitions.reason IS 'Why it changed.';
COMMENT ON COLUMN alert_transitions.run_id IS
  'Run of the run store that wrote this row; `helicarrier lineage` explains it.';
COMMENT ON TABLE notifications IS 'One row per message to deliver.';
COMMENT ON COLUMN notifications.notification_id IS 'Id of the message.';
COMMENT ON COLUMN notifications.dedup_key IS
  'The receiver drops a second message with the same key.';
COMMENT ON COLUMN notifications.channel IS 'Where it goes.';
COMMENT ON COLUMN notifications.subject IS 'One line for people.';
COMMENT ON COLUMN notifications.payload_json IS 'The message as JSON.';
COMMENT ON COLUMN notifications.state IS 'Where it stands.';
COMMENT ON COLUMN notifications.attempts IS 'How often delivery was tried.';
COMMENT ON COLUMN notifications.created_at IS 'When it was queued.';
COMMENT ON COLUMN notifications.next_attempt_at IS 'When it is tried next.';
COMMENT ON COLUMN notifications.delivered_at IS 'When it arrived.';
COMMENT ON COLUMN notifications.last_error IS 'Why the last attempt failed.';
