//! Sample code of receivers that users can copy: each verifies the signature, ignores repetitions, and responds.
//!
//! The program only shows them; `tests/samples/` runs them against the built program.

/// A complete receiver in one programming language.
pub(crate) struct Sample {
    /// The language and framework.
    pub(crate) name: &'static str,
    /// The language in URLs.
    pub(crate) slug: &'static str,
    /// The file name.
    pub(crate) file: &'static str,
    /// The content of the file.
    pub(crate) text: &'static str,
}

/// A sample for each language.
pub(crate) const SAMPLES: &[Sample] = &[
    Sample {
        name: "Python (Django)",
        slug: "python",
        file: "python.py",
        text: include_str!("python.py"),
    },
    Sample {
        name: "JavaScript (Node)",
        slug: "javascript",
        file: "javascript.mjs",
        text: include_str!("javascript.mjs"),
    },
    Sample {
        name: "PHP",
        slug: "php",
        file: "receiver.php",
        text: include_str!("receiver.php"),
    },
    Sample {
        name: "Ruby (Rails)",
        slug: "ruby",
        file: "ruby.rb",
        text: include_str!("ruby.rb"),
    },
    Sample {
        name: "Go",
        slug: "go",
        file: "go.go",
        text: include_str!("go.go"),
    },
    Sample {
        name: "Rust (axum)",
        slug: "rust",
        file: "rust.rs",
        text: include_str!("rust.rs"),
    },
    Sample {
        name: "Java",
        slug: "java",
        file: "Receiver.java",
        text: include_str!("Receiver.java"),
    },
    Sample {
        name: "C# (ASP.NET)",
        slug: "csharp",
        file: "csharp.cs",
        text: include_str!("csharp.cs"),
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::SAMPLES;

    #[test]
    fn each_file_of_the_folder_is_listed_once_under_its_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/dashboard/samples");
        let there: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|file| file != "mod.rs")
            .collect();
        let mut left = there.clone();
        for sample in SAMPLES {
            assert!(left.remove(sample.file), "{}", sample.file);
            let text = std::fs::read_to_string(format!("{folder}/{}", sample.file)).unwrap();
            assert_eq!(text, sample.text, "{}", sample.file);
        }
        assert_eq!(left, BTreeSet::new());
        let slugs: BTreeSet<_> = SAMPLES.iter().map(|sample| sample.slug).collect();
        let names: BTreeSet<_> = SAMPLES.iter().map(|sample| sample.name).collect();
        assert_eq!((slugs.len(), names.len()), (there.len(), there.len()));
    }

    #[test]
    fn samples_are_text_that_can_be_pasted_and_hold_no_secret() {
        for sample in SAMPLES {
            let (file, text) = (sample.file, sample.text);
            assert!(
                text.ends_with('\n') && !text.ends_with("\n\n"),
                "the end of {file}"
            );
            // gofmt wants tabs, and nobody writes Go without it.
            assert!(sample.slug == "go" || !text.contains('\t'), "{file}");
            for line in text.lines() {
                assert_eq!(line, line.trim_end(), "{file}");
                assert!(line.chars().count() <= 120, "{file}: {line}");
            }
            assert!(text.contains("SONNETTE_SECRET"), "{file}");
            for (at, prefix) in text.match_indices("whsec_") {
                let next = text[at + prefix.len()..].chars().next();
                assert!(!next.is_some_and(char::is_alphanumeric), "{file}");
            }
        }
    }
}
