-- What a restore needs: ids that never come twice, and deliveries that wait until a person has looked.

-- The random part of `webhook-id`, for the notifications from `first_notification` up to the next row. Earlier ones than
-- the first row have none: they were published before this migration and keep the id that they were sent with.
CREATE TABLE installations (
    first_notification INTEGER PRIMARY KEY,
    id TEXT NOT NULL
);
INSERT INTO installations (first_notification, id) VALUES (
    coalesce(
        (SELECT value FROM counters WHERE name = 'notification' AND typeof(value) = 'integer'),
        (SELECT max(id) + 1 FROM notifications),
        1),
    lower(hex(randomblob(6))));

-- Organizers whose deliveries are held after a restore; 0: organizers that are yet to be created.
CREATE TABLE holds (
    organizer INTEGER PRIMARY KEY,
    since INTEGER NOT NULL
);

-- The next ids, so that a restore can skip those that were given after the backup.
INSERT INTO counters (name, value) SELECT 'webhook', coalesce(max(id), 0) + 1 FROM webhooks;
INSERT INTO counters (name, value) SELECT 'token', coalesce(max(id), 0) + 1 FROM tokens;
