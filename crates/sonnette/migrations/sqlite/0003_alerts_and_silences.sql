-- What people are owed: mail about a webhook that was switched off, what it missed while it was off, and forgetting a
-- person.

-- Mail owed to a human: queued by the transaction that switches the webhook off, drained by the mailer.
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    organizer INTEGER NOT NULL,
    webhook INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    target TEXT NOT NULL, -- without credentials and query
    failures INTEGER NOT NULL,
    since INTEGER NOT NULL, -- the first failure of the row
    return_code INTEGER NOT NULL,
    reason TEXT,
    recipients TEXT NOT NULL,
    pending TEXT NOT NULL, -- those whose server has not taken it yet
    tries INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    settled_at INTEGER, -- null: still owed
    how TEXT,
    error TEXT
);
CREATE INDEX alerts_due ON alerts (due_at) WHERE settled_at IS NULL;
-- One warning for each row of failures.
CREATE UNIQUE INDEX alerts_of_warnings ON alerts (webhook, since) WHERE kind = 'warning';

-- The stretches of notifications during which a webhook was off: from `first` up to, not including, `beyond`.
-- Ids and not times: ids are given in the transactions that also switch on and off, so nothing falls between.
CREATE TABLE silences (
    webhook INTEGER NOT NULL,
    first INTEGER NOT NULL,
    beyond INTEGER, -- null: it is off
    PRIMARY KEY (webhook, first)
) WITHOUT ROWID;

INSERT INTO silences (webhook, first)
SELECT w.id, coalesce(
    (SELECT min(n.id) FROM notifications n WHERE n.organizer = w.organizer AND n.published_at >= w.disabled_at),
    (SELECT value FROM counters WHERE name = 'notification'))
FROM webhooks w WHERE w.disabled_at IS NOT NULL;

-- All that is known of a person.
CREATE INDEX notifications_by_subject ON notifications (organizer, subject) WHERE subject IS NOT NULL;
