-- The dashboard tells what was wrong with an attempt; it must not read that out of a sentence.

-- JSON of why there was no complete response; see domain/send_failure.rs. NULL in rows of earlier versions.
ALTER TABLE attempts ADD COLUMN failure_detail TEXT;
