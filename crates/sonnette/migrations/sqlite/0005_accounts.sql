-- People log in to the dashboard: their sessions, the links that lead to a password or past the log-in, and the mail that
-- brings such a link. Of each text only SHA-256 is kept.

-- The next id, so that none comes twice: the audit log names users by it.
INSERT INTO counters (name, value) SELECT 'user', coalesce(max(id), 0) + 1 FROM users;

CREATE TABLE sessions (
    hash BLOB PRIMARY KEY,
    user INTEGER REFERENCES users (id), -- null: a portal's
    organizer INTEGER REFERENCES organizers (id),
    token INTEGER REFERENCES tokens (id),
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    seen INTEGER NOT NULL -- when it was last extended
) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user) WHERE user IS NOT NULL;
CREATE INDEX sessions_by_time ON sessions (expires);

CREATE TABLE links (
    hash BLOB PRIMARY KEY,
    purpose TEXT NOT NULL,
    user INTEGER REFERENCES users (id), -- null: to a portal
    organizer INTEGER REFERENCES organizers (id),
    token INTEGER REFERENCES tokens (id),
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX links_by_user ON links (user) WHERE user IS NOT NULL;
CREATE INDEX links_by_time ON links (expires);

-- Mail owed to a user, drained by the mailer, which draws the link when it sends.
CREATE TABLE letters (
    id INTEGER PRIMARY KEY,
    user INTEGER NOT NULL REFERENCES users (id),
    kind TEXT NOT NULL,
    language TEXT NOT NULL,
    organizer INTEGER REFERENCES organizers (id),
    at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    settled_at INTEGER, -- null: still owed
    how TEXT,
    error TEXT
);
CREATE INDEX letters_due ON letters (due_at) WHERE settled_at IS NULL;
CREATE INDEX letters_by_user ON letters (user, at);
