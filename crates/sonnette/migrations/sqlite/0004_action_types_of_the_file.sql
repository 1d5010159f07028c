-- An action type that the configuration file registered goes when its entry is taken out of the file; one registered
-- over REST stays. So the two must be told apart.
ALTER TABLE action_types ADD COLUMN from_file INTEGER NOT NULL DEFAULT 0;
