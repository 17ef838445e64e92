INSERT INTO ai_provider_configs (
  id, provider, environment, enabled, is_default, weight, timeout_ms, max_retries, created_at,
  updated_at
) VALUES
  (
    'prod-openai', 'openai', 'prod', 1, 1, 100, 45000, 1, '2026-01-01T00:00:00.000000Z',
    '2026-01-01T00:00:00.000000Z'
  ),
  (
    'prod-custom', 'custom', 'prod', 1, 0, 10, 60000, 0, '2026-01-01T00:00:00.000000Z',
    '2026-01-01T00:00:00.000000Z'
  )
