//! A target that answers as a recording says.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::server;

/// Serves one recorded answer at a time.
pub(super) struct Origin {
    server: server::Server,
    answer: Arc<Mutex<Answer>>,
}

/// One of the `steps` of a recording.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    body: Vec<u8>,
    status: u64,
    headers: Vec<(String, String)>,
    chunked: bool,
    /// How much the length is off; `None` where none is given.
    extra_length: Option<i64>,
    /// Whether the connection is closed without an answer.
    close: bool,
    /// What is sent in place of an answer.
    raw: Option<Vec<u8>>,
    hang: bool,
    hang_body: bool,
}

impl Answer {
    pub(super) fn new(step: &Value) -> Self {
        let headers = step["headers"].as_object().into_iter().flatten();
        let headers = headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().into()));
        let content_type = step["content_type"].as_str().map(str::to_owned);
        Self {
            body: decode_base64(step["body"].as_str().unwrap()),
            status: step["status"].as_u64().unwrap_or(200),
            headers: headers.chain(content_type.map(|it| ("Content-Type".into(), it))).collect(),
            chunked: step["chunked"] == true,
            extra_length: match step.get("extra_length") {
                None => Some(0),
                Some(extra) => extra.as_i64(),
            },
            close: step["close"] == true,
            raw: step["raw"].as_str().map(|raw| raw.as_bytes().to_vec()),
            hang: step["hang"] == true,
            hang_body: step["hang_body"] == true,
        }
    }
}

impl Answer {
    /// Puts one text in the place of another.
    pub(super) fn replace_in_body(&mut self, from: &str, to: &str) {
        let body = String::from_utf8(std::mem::take(&mut self.body)).unwrap();
        self.body = body.replace(from, to).into_bytes();
    }
}

impl Origin {
    pub(super) fn start() -> Self {
        let answer = Arc::<Mutex<Answer>>::default();
        let shared = Arc::clone(&answer);
        let server = server::Server::start(move |head| {
            let answer = shared.lock().unwrap().clone();
            if head.contains(" /elsewhere ") {
                let message = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\
                               Connection: close\r\n\r\nelsewhere 1\n";
                server::Answer::Close(message.into())
            } else if answer.hang {
                server::Answer::Hang(Vec::new())
            } else if answer.close {
                server::Answer::Close(Vec::new())
            } else if answer.hang_body {
                server::Answer::Hang(message(&answer))
            } else {
                server::Answer::Close(message(&answer))
            }
        });
        Self { server, answer }
    }

    pub(super) fn address(&self) -> String {
        self.server.address.to_string()
    }

    pub(super) fn set_answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// Returns the lines of the last request.
    pub(super) fn take_head(&self) -> Vec<String> {
        let head = self.server.requests.try_iter().last().unwrap_or_default();
        head.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

fn message(answer: &Answer) -> Vec<u8> {
    if let Some(raw) = &answer.raw {
        return raw.clone();
    }
    let Answer { body, status, headers, chunked, extra_length, hang_body, .. } = answer;
    let reason = match status {
        200 => "OK",
        302 => "Found",
        404 => "Not Found",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    };
    let mut message = format!("HTTP/1.1 {status} {reason}\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        message.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    let missing = if *hang_body { 5 } else { 0 };
    let length = i64::try_from(body.len()).unwrap() + missing;
    if *chunked {
        message.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
        for chunk in body.chunks(3) {
            message.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            message.extend_from_slice(chunk);
            message.extend_from_slice(b"\r\n");
        }
        message.extend_from_slice(b"0\r\n\r\n");
        return message;
    }
    if let Some(extra) = extra_length {
        message.extend_from_slice(format!("Content-Length: {}\r\n", length + extra).as_bytes());
    }
    message.extend_from_slice(b"\r\n");
    message.extend_from_slice(body);
    message
}

fn decode_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().map_while(|byte| DIGITS.iter().position(|&digit| digit == byte));
    let (mut bits, mut bit_count, mut out) = (0_u32, 0, Vec::new());
    for digit in digits {
        bits = bits << 6 | u32::try_from(digit).unwrap();
        bit_count += 6;
        if bit_count >= 8 {
            bit_count -= 8;
            out.push(u8::try_from(bits >> bit_count & 0xff).unwrap());
        }
    }
    out
}
