-- The first shape. Times are microseconds since 1970; lists and settings are JSON.

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
-- registry: rises with every change of organizers, webhooks, action types or tokens.
-- notification: the next id, so that none comes twice even when the newest have been removed.
INSERT INTO counters (name, value) VALUES ('registry', 1), ('notification', 1);

CREATE TABLE organizers (
    id INTEGER PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    uuid TEXT NOT NULL UNIQUE,
    language TEXT NOT NULL,
    dialects TEXT NOT NULL,
    contact_emails TEXT NOT NULL,
    disable_after TEXT,
    changed INTEGER NOT NULL
);

CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    organizer INTEGER NOT NULL REFERENCES organizers (id),
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    date_from INTEGER,
    UNIQUE (organizer, slug)
);

CREATE TABLE tokens (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    organizer INTEGER REFERENCES organizers (id), -- null: an operator's
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    active INTEGER NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER,
    changed INTEGER NOT NULL
);

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    password_hash TEXT,
    operator INTEGER NOT NULL,
    created INTEGER NOT NULL
);

CREATE TABLE user_permissions (
    user INTEGER NOT NULL REFERENCES users (id),
    organizer INTEGER NOT NULL REFERENCES organizers (id),
    permissions TEXT NOT NULL,
    PRIMARY KEY (user, organizer)
) WITHOUT ROWID;

CREATE TABLE action_types (
    id INTEGER PRIMARY KEY,
    organizer INTEGER REFERENCES organizers (id), -- null: everybody's
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    schema TEXT,
    example TEXT,
    shape TEXT NOT NULL
);
CREATE UNIQUE INDEX action_types_by_name ON action_types (coalesce(organizer, 0), name);

CREATE TABLE webhooks (
    id INTEGER PRIMARY KEY,
    organizer INTEGER NOT NULL REFERENCES organizers (id),
    target_url TEXT NOT NULL,
    all_events INTEGER NOT NULL,
    action_types TEXT NOT NULL,
    comment TEXT,
    disabled_at INTEGER, -- null: enabled
    disabled_reason TEXT,
    secret TEXT NOT NULL,
    previous_secret TEXT,
    previous_until INTEGER,
    headers TEXT NOT NULL,
    max_per_second INTEGER,
    max_concurrency INTEGER,
    timeout_ms INTEGER,
    extra_signatures TEXT NOT NULL,
    contact_emails TEXT NOT NULL
);
CREATE INDEX webhooks_by_organizer ON webhooks (organizer);

CREATE TABLE webhook_events (
    webhook INTEGER NOT NULL REFERENCES webhooks (id),
    event INTEGER NOT NULL REFERENCES events (id),
    PRIMARY KEY (webhook, event)
) WITHOUT ROWID;
CREATE INDEX webhook_events_by_event ON webhook_events (event);

-- The health of a lane that has one worth remembering; written when it changes, not at every success.
CREATE TABLE lanes (
    webhook INTEGER PRIMARY KEY REFERENCES webhooks (id),
    failures INTEGER NOT NULL,
    failing_since INTEGER,
    first_failed INTEGER,
    several INTEGER NOT NULL,
    probing_since INTEGER,
    probe_at INTEGER,
    probe_wait_ms INTEGER,
    paused_until INTEGER,
    last_success_at INTEGER
);

-- One published fact. Its body is what receivers get; `data` is read back out of it by `shape`.
CREATE TABLE notifications (
    id INTEGER PRIMARY KEY,
    organizer INTEGER NOT NULL,
    action_type TEXT NOT NULL,
    event TEXT,
    published_at INTEGER NOT NULL,
    shape TEXT NOT NULL,
    body BLOB NOT NULL,
    subject TEXT,
    deliveries INTEGER NOT NULL
);
CREATE INDEX notifications_by_organizer ON notifications (organizer, id);

-- A repeated publication finds its first answer here for seven days.
CREATE TABLE publication_keys (
    organizer INTEGER NOT NULL,
    text TEXT NOT NULL,
    content BLOB NOT NULL,
    notification INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (organizer, text)
) WITHOUT ROWID;
CREATE INDEX publication_keys_by_time ON publication_keys (used_at);

-- One notification for one webhook. Clustered by webhook, since a lane and a log page read one webhook at a time.
CREATE TABLE deliveries (
    webhook INTEGER NOT NULL,
    notification INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    settled_at INTEGER, -- null: waits
    how TEXT,
    reason TEXT,
    PRIMARY KEY (webhook, notification)
) WITHOUT ROWID;
-- The lanes: only what waits, in the order it is due; empty when all is well.
CREATE INDEX deliveries_waiting ON deliveries (webhook, due_at) WHERE settled_at IS NULL;
-- What its owner has to look at.
CREATE INDEX deliveries_failed ON deliveries (webhook, notification) WHERE how IN ('given_up', 'dropped');

-- The log. The id is the time the attempt ended, so a stretch of time is a stretch of keys.
CREATE TABLE attempts (
    webhook INTEGER NOT NULL,
    id INTEGER NOT NULL,
    notification INTEGER NOT NULL,
    action_type TEXT, -- null: as its notification; a test has none, and brings its own action type and payload
    event TEXT,
    target_url TEXT NOT NULL,
    number INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    return_code INTEGER NOT NULL,
    failure TEXT,
    reason TEXT,
    request_headers TEXT NOT NULL,
    response_headers TEXT NOT NULL,
    payload BLOB,
    response_body BLOB,
    PRIMARY KEY (webhook, id)
) WITHOUT ROWID;

CREATE TABLE kept_answers (
    key BLOB PRIMARY KEY,
    status INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    kept_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX kept_answers_by_time ON kept_answers (kept_at);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    organizer INTEGER, -- null: the installation's
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    actor_id INTEGER,
    action TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX audit_by_organizer ON audit (organizer, id);
