-- What a request to a former target says must not count for the target there is now, nor what was sent before a webhook was
-- disabled for what is sent after it was enabled again. So each change of either is numbered, and a settlement carries
-- the number that its request was sent under.
ALTER TABLE webhooks ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
