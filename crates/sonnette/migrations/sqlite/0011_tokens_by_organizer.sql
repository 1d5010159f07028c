-- The tokens of one organizer are read without those of the others.

CREATE INDEX tokens_by_organizer ON tokens (organizer);
