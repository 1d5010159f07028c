-- Waits and times that survive a clock that is set back or forward while the server is not running.

-- The length of the pause that ends at paused_until, in milliseconds. NULL: not known.
ALTER TABLE lanes ADD COLUMN pause_ms INTEGER;

-- One row: the latest time of day that the server trusted, in microseconds since 1970.
CREATE TABLE clock (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    trusted_at INTEGER NOT NULL
);
