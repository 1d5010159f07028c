//! The journal of erased persons: a file beside the store, so that a restored backup is erased again.
//!
//! Each line has the time, the UUID of the organizer, the last notification that was erased, and an HMAC of organizer and
//! subject, separated by spaces. The key is in a file of its own: the journal alone tells nothing about a subject.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use ring::hmac;

use super::StoreError;
use super::table_row::to_micros;
use crate::domain::NotificationId;

const JOURNAL_NAME: &str = "erasures.log";
const KEY_NAME: &str = "erasures.key";
const KEY_BYTES: usize = 32;

/// How long entries are kept after the last notification that they concern would have been removed.
const RETENTION_MARGIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// An erasure to record.
pub(super) struct Erasure<'a> {
    /// The UUID of the organizer. Unlike its id, it is not assigned again after a restore.
    pub(super) organizer: &'a str,
    pub(super) subject: &'a str,
    /// Later notifications were not erased.
    pub(super) last_notification: NotificationId,
}

/// A recorded erasure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JournalEntry {
    erased_at: i64,
    pub(super) organizer: String,
    pub(super) last_notification: NotificationId,
    /// See [`SubjectHasher::hash`].
    pub(super) hash: String,
}

impl JournalEntry {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let entry = Self {
            erased_at: words.next()?.parse().ok()?,
            organizer: words.next()?.to_owned(),
            last_notification: words.next()?.parse().ok()?,
            hash: words.next()?.to_owned(),
        };
        let is_whole = entry.hash.len() == 2 * KEY_BYTES && words.next().is_none();
        is_whole.then_some(entry)
    }
}

/// Hashes subjects with the key of a data directory.
pub(super) struct SubjectHasher(hmac::Key);

impl SubjectHasher {
    /// `None`: there is no key.
    fn open(directory: &Path) -> std::io::Result<Option<Self>> {
        match fs::read(directory.join(KEY_NAME)) {
            Ok(key) if key.len() == KEY_BYTES => {
                Ok(Some(Self(hmac::Key::new(hmac::HMAC_SHA256, &key))))
            }
            Ok(_) => Err(std::io::Error::new(
                ErrorKind::InvalidData,
                format!("{KEY_NAME} is no key"),
            )),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create(directory: &Path) -> std::io::Result<Self> {
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(std::io::Error::other)?;
        replace(directory, KEY_NAME, &key)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    pub(super) fn hash(&self, organizer: &str, subject: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(organizer.as_bytes());
        context.update(&[0]);
        context.update(subject.as_bytes());
        let digits = context.sign();
        let digits = digits.as_ref().iter().map(|byte| format!("{byte:02x}"));
        digits.collect()
    }
}

/// The journal of a data directory. Its file is created by the first erasure.
pub(super) struct ErasureJournal {
    directory: PathBuf,
    /// Held while the file is changed.
    write_lock: Mutex<()>,
}

impl ErasureJournal {
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            write_lock: Mutex::default(),
        }
    }

    /// Adds an entry, and returns once it is on disk.
    pub(super) fn record(&self, erasure: &Erasure<'_>, now: Timestamp) -> Result<(), StoreError> {
        let _writing = self.write_lock.lock();
        self.append(erasure, now)
            .map_err(|error| store_unavailable(&error))
    }

    fn append(&self, erasure: &Erasure<'_>, now: Timestamp) -> std::io::Result<()> {
        let hasher = match SubjectHasher::open(&self.directory)? {
            Some(hasher) => hasher,
            None => SubjectHasher::create(&self.directory)?,
        };
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .mode(0o600)
            .open(self.directory.join(JOURNAL_NAME))?;
        // A crash may have left a part of a line.
        let separator = if ends_in_newline(&mut file)? {
            ""
        } else {
            "\n"
        };
        let Erasure {
            organizer,
            subject,
            last_notification: through,
        } = erasure;
        let (erased_at, hash) = (to_micros(now), hasher.hash(organizer, subject));
        let line = format!("{separator}{erased_at} {organizer} {through} {hash}\n");
        file.write_all(line.as_bytes())?;
        file.sync_all()?;
        sync_directory(&self.directory)
    }

    /// Removes entries that concern only notifications published before `published_before`. Most calls read one line.
    pub(super) fn prune(&self, published_before: Timestamp) -> Result<(), StoreError> {
        let oldest = to_micros(
            published_before
                .saturating_sub(RETENTION_MARGIN)
                .unwrap_or(Timestamp::MIN),
        );
        let _writing = self.write_lock.lock();
        self.remove_older(oldest)
            .map_err(|error| store_unavailable(&error))
    }

    fn remove_older(&self, oldest: i64) -> std::io::Result<()> {
        let path = self.directory.join(JOURNAL_NAME);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut first = String::new();
        BufReader::new(file).read_line(&mut first)?;
        if JournalEntry::parse(first.trim_end()).is_none_or(|entry| entry.erased_at >= oldest) {
            return Ok(());
        }
        let mut kept = String::new();
        for line in fs::read_to_string(&path)?.lines() {
            if JournalEntry::parse(line).is_some_and(|entry| entry.erased_at >= oldest) {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        replace(&self.directory, JOURNAL_NAME, kept.as_bytes())
    }
}

/// All entries of a data directory, with what hashes subjects for a comparison. `None`: there is no journal.
pub(super) fn read(
    directory: &Path,
) -> std::io::Result<Option<(SubjectHasher, Vec<JournalEntry>)>> {
    let text = match fs::read_to_string(directory.join(JOURNAL_NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let hasher = SubjectHasher::open(directory)?.ok_or_else(|| {
        std::io::Error::new(ErrorKind::NotFound, format!("{KEY_NAME} is missing"))
    })?;
    // A part of a line is of an erasure that was not answered.
    let entries = text.lines().filter_map(JournalEntry::parse).collect();
    Ok(Some((hasher, entries)))
}

fn ends_in_newline(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Replaces a file as a whole, durably.
fn replace(directory: &Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    let temporary = directory.join(format!("{name}.new"));
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&temporary, directory.join(name))?;
    sync_directory(directory)
}

/// Makes the names of new files durable.
pub(super) fn sync_directory(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}

fn store_unavailable(error: &std::io::Error) -> StoreError {
    StoreError::Unavailable(format!("the journal of erasures: {error}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn erasure(subject: &str) -> Erasure<'_> {
        Erasure {
            organizer: "6a0e6b7c",
            subject,
            last_notification: NotificationId(7),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn an_entry_is_found_by_its_subject_and_does_not_contain_it() {
        let directory = tempfile::tempdir().unwrap();
        let journal = ErasureJournal::new(directory.path());
        journal.record(&erasure("ada@example.org"), at(1)).unwrap();
        let text = fs::read_to_string(directory.path().join(JOURNAL_NAME)).unwrap();
        assert!(!text.contains("example"), "{text}");
        // A crash in the middle of a line spoils no other line.
        fs::write(directory.path().join(JOURNAL_NAME), text + "2000000 6a0e").unwrap();
        journal.record(&erasure("bob"), at(3)).unwrap();
        let (hasher, entries) = read(directory.path()).unwrap().unwrap();
        let found: Vec<_> = entries.iter().map(|entry| entry.hash.clone()).collect();
        let expected = ["ada@example.org", "bob"].map(|subject| hasher.hash("6a0e6b7c", subject));
        assert_eq!(found, expected);
        assert_ne!(found[0], hasher.hash("other", "ada@example.org"));
    }

    #[test]
    fn old_entries_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let journal = ErasureJournal::new(directory.path());
        journal.prune(at(100)).unwrap();
        let day = 86_400;
        for days in [1, 2, 9] {
            journal.record(&erasure("ada"), at(days * day)).unwrap();
        }
        journal.prune(at(8 * day)).unwrap();
        assert_eq!(read(directory.path()).unwrap().unwrap().1.len(), 3);
        journal.prune(at(10 * day)).unwrap();
        let (_, entries) = read(directory.path()).unwrap().unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].erased_at, to_micros(at(9 * day)));
    }
}
