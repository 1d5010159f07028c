-- What the dashboard shows at a glance must not be worked out from hundreds of thousands of attempts.

-- The attempts of a webhook within half an hour, in sum; tests are left out.
CREATE TABLE tallies (
    webhook INTEGER NOT NULL,
    half_hour INTEGER NOT NULL, -- so many since 1970
    succeeded INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    times BLOB NOT NULL, -- how long answers took: pairs of a bin and a count; see domain/times.rs
    PRIMARY KEY (webhook, half_hour)
) WITHOUT ROWID;

INSERT INTO tallies (webhook, half_hour, succeeded, failed, times)
SELECT webhook, id / 1800000000 AS half_hour, sum(return_code BETWEEN 200 AND 299),
    sum(return_code NOT BETWEEN 200 AND 299), x''
FROM attempts WHERE action_type IS NULL GROUP BY webhook, half_hour;

-- Few failed among many that did not; empty when all is well.
CREATE INDEX attempts_failed ON attempts (webhook, id) WHERE return_code NOT BETWEEN 200 AND 299;
