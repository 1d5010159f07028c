//! A curl command that repeats an attempt.

use std::fmt::Write as _;

use sonnette::domain::Attempt;

/// The command for a POSIX shell. Masked values stay masked. `curl` sets host and length.
pub(crate) fn command(attempt: &Attempt) -> String {
    let mut command = format!(
        "curl --globoff --path-as-is --request POST --url {}",
        quoted(&attempt.target_url)
    );
    let mut has_accept = false;
    for line in attempt.exchange.request_headers.lines() {
        let Some((name, value)) = line.split_once(": ") else {
            continue;
        };
        if matches!(name, "host" | "content-length") {
            continue;
        }
        has_accept |= name == "accept";
        // curl sends a header without a value only if it ends in a semicolon.
        let header = if value.is_empty() {
            format!("{name};")
        } else {
            format!("{name}: {value}")
        };
        let _ = write!(command, " \\\n  --header {}", quoted(&header));
    }
    if !has_accept {
        // The attempt had no such header; curl adds one by default.
        command.push_str(" \\\n  --header 'accept:'");
    }
    let body = attempt.sent_body.as_deref().unwrap_or_default();
    let body = String::from_utf8_lossy(body);
    let _ = write!(command, " \\\n  --data-raw {}", quoted(&body));
    command
}

/// Quotes a text as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use bytes::Bytes;
    use jiff::Timestamp;
    use sonnette::domain::{AttemptId, HttpExchange, NotificationId, Outcome, WebhookId};

    use super::*;

    fn attempt() -> Attempt {
        Attempt {
            id: AttemptId(1),
            webhook: WebhookId(1),
            notification: NotificationId(7),
            action_type: "pretix.event.order.placed".parse().unwrap(),
            event: None,
            target_url: "https://erp.example/a?b=[1]&c=$HOME'".to_owned(),
            number: 1,
            is_test: false,
            sent_body: Some(Bytes::from_static(
                b"{\"name\":\"L'Olympia `id` $(id) \\\\\"}",
            )),
            exchange: HttpExchange {
                started_at: Timestamp::UNIX_EPOCH,
                duration: Duration::ZERO,
                outcome: Outcome::Answered {
                    status: 200,
                    retry_after: None,
                },
                request_headers:
                    "host: erp.example\nuser-agent: sonnette/1\nx-key: ***\nx-empty: \n\
                                  content-length: 3\nwebhook-signature: v1,a+b= v1,c\n"
                        .to_owned(),
                response_headers: String::new(),
                response_body: Bytes::new(),
            },
        }
    }

    #[test]
    fn a_shell_parses_the_command() {
        let command = command(&attempt());
        let echo = command.replacen("curl", "printf '%s\\n'", 1);
        let output = Command::new("sh").args(["-c", &echo]).output().unwrap();
        let words = String::from_utf8(output.stdout).unwrap();
        let words: Vec<_> = words.lines().collect();
        assert_eq!(
            words,
            [
                "--globoff",
                "--path-as-is",
                "--request",
                "POST",
                "--url",
                "https://erp.example/a?b=[1]&c=$HOME'",
                "--header",
                "user-agent: sonnette/1",
                "--header",
                "x-key: ***",
                "--header",
                "x-empty;",
                "--header",
                "webhook-signature: v1,a+b= v1,c",
                "--header",
                "accept:",
                "--data-raw",
                "{\"name\":\"L'Olympia `id` $(id) \\\\\"}",
            ]
        );
    }
}
