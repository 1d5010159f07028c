-- The log in segments of a day, so that retention removes whole tables; and its headers in fewer bytes.

-- A segment is the table attempts_<number>; new attempts are added to the last one. The ids of a webhook's attempts rise,
-- whatever the clock does, so they also rise from segment to segment. The ids of two webhooks may overlap.
CREATE TABLE log_segments (
    number INTEGER PRIMARY KEY,
    created_at INTEGER NOT NULL,
    first_id INTEGER NOT NULL, -- no attempt in the segment has a lower id
    last_id INTEGER NOT NULL, -- nor a higher one
    removed INTEGER NOT NULL DEFAULT 0 -- 1: its rows are not read any more, and its table is being removed
);

-- What does not vary between requests or responses of a webhook; src/store/header_template.rs says what does.
CREATE TABLE header_templates (
    id INTEGER PRIMARY KEY,
    webhook INTEGER NOT NULL,
    target_url TEXT, -- null: of responses
    headers TEXT NOT NULL,
    last_segment INTEGER NOT NULL -- the last one that uses it
);
CREATE INDEX header_templates_by_webhook ON header_templates (webhook);

-- The whole log of earlier versions becomes the first segment. No row is copied: those without templates have full headers.
ALTER TABLE attempts RENAME TO attempts_0;
ALTER TABLE attempts_0 ADD COLUMN request_template INTEGER;
ALTER TABLE attempts_0 ADD COLUMN response_template INTEGER;
INSERT INTO log_segments (number, created_at, first_id, last_id)
VALUES (0, 0, -9223372036854775808, 9223372036854775807);
