//! A minimal HTTP/1.1 server that can send invalid responses.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::receiver_state::{ReceivedRequest, ReceiverState};
use super::scripted_response::{ResponseMode, ScriptedResponse};

/// A connection over TCP, with or without TLS.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Wire for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Serves one connection to its end.
pub(super) async fn serve(wire: impl Wire, shared: &ReceiverState, number: usize) {
    let mut wire = BufReader::new(wire);
    // An error means that the client has disconnected.
    while let Ok(Some(request)) = read(&mut wire, number).await {
        let answer = shared.take(request);
        answer.wait().await;
        match write(&mut wire, &answer).await {
            Ok(Next::Request) => {}
            Ok(Next::Close) => {
                let _ = wire.shutdown().await;
                return;
            }
            Ok(Next::Reset) => {
                let _ = wire.get_ref().tcp().set_zero_linger();
                return;
            }
            Ok(Next::Drop) | Err(_) => return,
        }
    }
}

/// What follows a response.
enum Next {
    Request,
    Close,
    /// The connection is closed without an end of TLS.
    Drop,
    Reset,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test may pause the time of the runtime"
)]
async fn read(
    wire: &mut BufReader<impl Wire>,
    connection: usize,
) -> io::Result<Option<ReceivedRequest>> {
    let Some(first) = line(wire).await? else {
        return Ok(None);
    };
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = Vec::new();
    let mut length = 0;
    while let Some(text) = line(wire).await?.filter(|text| !text.is_empty()) {
        let (name, value) = text.split_once(':').unwrap_or((&text, ""));
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().unwrap_or(0);
        }
        headers.push((name, value));
    }
    let mut body = vec![0; length];
    wire.read_exact(&mut body).await?;
    let (body, at) = (Bytes::from(body), Instant::now());
    Ok(Some(ReceivedRequest {
        method,
        path,
        headers,
        body,
        connection,
        http2: false,
        at,
    }))
}

async fn line(wire: &mut BufReader<impl Wire>) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    wire.read_until(b'\n', &mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes);
    Ok((!bytes.is_empty()).then(|| text.trim_end().to_owned()))
}

async fn write(wire: &mut BufReader<impl Wire>, answer: &ScriptedResponse) -> io::Result<Next> {
    let body = &answer.body;
    match &answer.mode {
        ResponseMode::Whole => {
            whole(wire, answer, "").await?;
            Ok(Next::Request)
        }
        ResponseMode::WholeThenClose { announced } => {
            let line = "connection: close\r\n";
            whole(wire, answer, if *announced { line } else { "" }).await?;
            Ok(Next::Close)
        }
        ResponseMode::WithoutLength => {
            head(wire, answer, "connection: close\r\n").await?;
            wire.write_all(body).await?;
            Ok(Next::Close)
        }
        ResponseMode::ByteByByte { every } => {
            head(wire, answer, &length_of(body)).await?;
            drip(wire, body, *every).await?;
            Ok(Next::Request)
        }
        ResponseMode::Truncated { after } => {
            head(wire, answer, &length_of(body)).await?;
            wire.write_all(&body[..body.len().min(*after)]).await?;
            Ok(Next::Close)
        }
        ResponseMode::Endless => {
            head(wire, answer, "transfer-encoding: chunked\r\n").await?;
            loop {
                wire.write_all(format!("{:x}\r\n", body.len()).as_bytes())
                    .await?;
                wire.write_all(body).await?;
                wire.write_all(b"\r\n").await?;
                wire.flush().await?;
            }
        }
        ResponseMode::Raw { has_tls_end } => {
            wire.write_all(body).await?;
            wire.flush().await?;
            Ok(if *has_tls_end {
                Next::Close
            } else {
                Next::Drop
            })
        }
        ResponseMode::Silence => {
            // Until the client disconnects.
            wire.read_u8().await?;
            Ok(Next::Close)
        }
        ResponseMode::Close => Ok(Next::Close),
        ResponseMode::Reset => Ok(Next::Reset),
    }
}

async fn whole(
    wire: &mut BufReader<impl Wire>,
    answer: &ScriptedResponse,
    more: &str,
) -> io::Result<()> {
    let bare = matches!(answer.status, 100..=199 | 204 | 304);
    let length = if bare {
        String::new()
    } else {
        length_of(&answer.body)
    };
    head(wire, answer, &(length + more)).await?;
    wire.write_all(&answer.body).await?;
    wire.flush().await
}

async fn head(
    wire: &mut BufReader<impl Wire>,
    answer: &ScriptedResponse,
    more: &str,
) -> io::Result<()> {
    let mut text = String::new();
    for status in &answer.interim {
        let _ = write!(text, "HTTP/1.1 {status} Interim\r\n\r\n");
    }
    let _ = write!(text, "HTTP/1.1 {} ScriptedResponse\r\n", answer.status);
    for (name, value) in &answer.headers {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let _ = write!(text, "{more}\r\n");
    wire.write_all(text.as_bytes()).await?;
    wire.flush().await
}

fn length_of(body: &[u8]) -> String {
    format!("content-length: {}\r\n", body.len())
}

async fn drip(wire: &mut BufReader<impl Wire>, body: &[u8], every: Duration) -> io::Result<()> {
    for byte in body {
        tokio::time::sleep(every).await;
        wire.write_all(&[*byte]).await?;
        wire.flush().await?;
    }
    Ok(())
}
