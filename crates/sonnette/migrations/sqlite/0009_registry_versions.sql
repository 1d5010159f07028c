-- A change of the registry is read at the cost of what has changed: each row has the version that it changed in.

ALTER TABLE webhooks ADD COLUMN changed INTEGER NOT NULL DEFAULT 1;
ALTER TABLE action_types ADD COLUMN changed INTEGER NOT NULL DEFAULT 1;

-- Names of action types that were removed, so that a server forgets them. A name may have been registered again since.
CREATE TABLE removed_action_types (
    organizer INTEGER NOT NULL, -- 0: it was everybody's
    name TEXT NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (organizer, name)
) WITHOUT ROWID;

CREATE INDEX organizers_by_version ON organizers (changed);
CREATE INDEX webhooks_by_version ON webhooks (changed);
CREATE INDEX action_types_by_version ON action_types (changed);
CREATE INDEX removed_action_types_by_version ON removed_action_types (changed);
CREATE INDEX tokens_by_version ON tokens (changed);
