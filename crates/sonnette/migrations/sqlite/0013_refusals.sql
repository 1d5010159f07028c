-- A receiver that refuses some notifications and accepts others is not failing: what counts towards failing is counted apart
-- from all failures, and the refused action types are remembered.

-- The latest of: the webhook was created, it was enabled, its target changed.
ALTER TABLE webhooks ADD COLUMN receiver_since INTEGER NOT NULL DEFAULT 0;
UPDATE webhooks SET receiver_since = modified_at;

-- The failures that count towards failing, as `failures`, `failing_since`, `first_failed` and `several` describe all.
ALTER TABLE lanes ADD COLUMN counted_failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lanes ADD COLUMN counted_since INTEGER;
ALTER TABLE lanes ADD COLUMN first_counted INTEGER;
ALTER TABLE lanes ADD COLUMN several_counted INTEGER NOT NULL DEFAULT 0;
UPDATE lanes SET counted_failures = failures, counted_since = failing_since, first_counted = first_failed,
    several_counted = several;

-- Action types whose latest attempt was refused.
CREATE TABLE refused_action_types (
    webhook INTEGER NOT NULL REFERENCES webhooks (id),
    action_type TEXT NOT NULL,
    refused_since INTEGER NOT NULL, -- the first refusal since the type was last accepted
    refused_at INTEGER NOT NULL, -- the latest
    PRIMARY KEY (webhook, action_type)
) WITHOUT ROWID;
