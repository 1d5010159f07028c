-- What the dialects of TiBillet and Creads need, and asymmetric signatures.

-- The publication's input, where `shape` cannot read it back out of the body.
ALTER TABLE notifications ADD COLUMN data TEXT;
-- Null: all that match are told; 0: nobody; else all but this webhook.
ALTER TABLE notifications ADD COLUMN audience INTEGER;

ALTER TABLE webhooks ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
-- Of what pretix's resource shows; settings and secrets do not count.
ALTER TABLE webhooks ADD COLUMN modified_at INTEGER NOT NULL DEFAULT 0;
-- By DELETE, which disables; until it is enabled again.
ALTER TABLE webhooks ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
-- 32 bytes each, from the day ed25519 was first chosen; the previous one signs until previous_until.
ALTER TABLE webhooks ADD COLUMN signing_seed BLOB;
ALTER TABLE webhooks ADD COLUMN previous_signing_seed BLOB;
-- Nobody took down when older ones were made.
UPDATE webhooks SET created_at = unixepoch() * 1000000, modified_at = unixepoch() * 1000000;

-- Changes of webhooks yet to be published, for organizers with the dialect of Creads. The row comes with the change and
-- goes with the publication.
CREATE TABLE webhook_news (
    id INTEGER PRIMARY KEY,
    organizer INTEGER NOT NULL,
    webhook INTEGER NOT NULL,
    change TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    target_url TEXT NOT NULL,
    enabled INTEGER NOT NULL
);
