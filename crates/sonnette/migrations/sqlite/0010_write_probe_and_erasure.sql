-- Whether the store can be written is found by writing, and a person is erased without a scan of the log.

-- One row, which is rewritten by each check.
CREATE TABLE write_probe (
    id INTEGER PRIMARY KEY,
    content BLOB NOT NULL
);

-- The attempts of a notification. Ids of notifications rise, so new entries come last.
CREATE INDEX attempts_by_notification ON attempts (notification, webhook);
