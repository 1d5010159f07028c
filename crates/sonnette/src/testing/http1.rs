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
pub(super) trait TestConnection: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

impl TestConnection for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl TestConnection for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Serves one connection to its end.
pub(super) async fn serve(stream: impl TestConnection, shared: &ReceiverState, number: usize) {
    let mut stream = BufReader::new(stream);
    // An error means that the client has disconnected.
    while let Ok(Some(request)) = read(&mut stream, number).await {
        let answer = shared.record_request(request);
        answer.wait().await;
        match write(&mut stream, &answer).await {
            Ok(AfterResponse::Request) => {}
            Ok(AfterResponse::Close) => {
                let _ = stream.shutdown().await;
                return;
            }
            Ok(AfterResponse::Reset) => {
                let _ = stream.get_ref().tcp().set_zero_linger();
                return;
            }
            Ok(AfterResponse::Drop) | Err(_) => return,
        }
    }
}

/// What follows a response.
enum AfterResponse {
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
    stream: &mut BufReader<impl TestConnection>,
    connection: usize,
) -> io::Result<Option<ReceivedRequest>> {
    let Some(first) = line(stream).await? else {
        return Ok(None);
    };
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = Vec::new();
    let mut length = 0;
    while let Some(text) = line(stream).await?.filter(|text| !text.is_empty()) {
        let (name, value) = text.split_once(':').unwrap_or((&text, ""));
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().unwrap_or(0);
        }
        headers.push((name, value));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
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

async fn line(stream: &mut BufReader<impl TestConnection>) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    stream.read_until(b'\n', &mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes);
    Ok((!bytes.is_empty()).then(|| text.trim_end().to_owned()))
}

async fn write(
    stream: &mut BufReader<impl TestConnection>,
    answer: &ScriptedResponse,
) -> io::Result<AfterResponse> {
    let body = &answer.body;
    match &answer.mode {
        ResponseMode::Whole => {
            write_response(stream, answer, "").await?;
            Ok(AfterResponse::Request)
        }
        ResponseMode::WholeThenClose { announced } => {
            let line = "connection: close\r\n";
            write_response(stream, answer, if *announced { line } else { "" }).await?;
            Ok(AfterResponse::Close)
        }
        ResponseMode::WithoutLength => {
            head(stream, answer, "connection: close\r\n").await?;
            stream.write_all(body).await?;
            Ok(AfterResponse::Close)
        }
        ResponseMode::ByteByByte { every } => {
            head(stream, answer, &length_of(body)).await?;
            write_slowly(stream, body, *every).await?;
            Ok(AfterResponse::Request)
        }
        ResponseMode::Truncated { after } => {
            head(stream, answer, &length_of(body)).await?;
            stream.write_all(&body[..body.len().min(*after)]).await?;
            Ok(AfterResponse::Close)
        }
        ResponseMode::Endless => {
            head(stream, answer, "transfer-encoding: chunked\r\n").await?;
            loop {
                stream
                    .write_all(format!("{:x}\r\n", body.len()).as_bytes())
                    .await?;
                stream.write_all(body).await?;
                stream.write_all(b"\r\n").await?;
                stream.flush().await?;
            }
        }
        ResponseMode::Raw { has_tls_end } => {
            stream.write_all(body).await?;
            stream.flush().await?;
            Ok(if *has_tls_end {
                AfterResponse::Close
            } else {
                AfterResponse::Drop
            })
        }
        ResponseMode::Silence => {
            // Until the client disconnects.
            stream.read_u8().await?;
            Ok(AfterResponse::Close)
        }
        ResponseMode::Close => Ok(AfterResponse::Close),
        ResponseMode::Reset => Ok(AfterResponse::Reset),
    }
}

async fn write_response(
    stream: &mut BufReader<impl TestConnection>,
    answer: &ScriptedResponse,
    more: &str,
) -> io::Result<()> {
    let bare = matches!(answer.status, 100..=199 | 204 | 304);
    let length = if bare {
        String::new()
    } else {
        length_of(&answer.body)
    };
    head(stream, answer, &(length + more)).await?;
    stream.write_all(&answer.body).await?;
    stream.flush().await
}

async fn head(
    stream: &mut BufReader<impl TestConnection>,
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
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await
}

fn length_of(body: &[u8]) -> String {
    format!("content-length: {}\r\n", body.len())
}

async fn write_slowly(
    stream: &mut BufReader<impl TestConnection>,
    body: &[u8],
    every: Duration,
) -> io::Result<()> {
    for byte in body {
        tokio::time::sleep(every).await;
        stream.write_all(&[*byte]).await?;
        stream.flush().await?;
    }
    Ok(())
}
