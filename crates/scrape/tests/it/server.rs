use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// A server on the loopback interface that sends prepared bytes and nothing of its own.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Yields the head of each request.
    pub(crate) requests: Receiver<String>,
}

/// What to do with a request.
pub(crate) enum Answer {
    /// Sends the bytes and closes the connection.
    Close(Vec<u8>),
    /// Sends the bytes and waits for the next request.
    Keep(Vec<u8>),
    /// Sends the bytes and says nothing more while the client stays.
    Hang(Vec<u8>),
}

impl Server {
    /// Starts a server that answers by `answer`, which gets the head of the request.
    pub(crate) fn start(answer: impl Fn(&str) -> Answer + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, sender) = (answer.clone(), sender.clone());
                thread::spawn(move || {
                    let seen = |head: &str| {
                        let _ = sender.send(head.to_owned());
                        answer(head)
                    };
                    // A client may go away at any time.
                    let _ = serve(stream, seen);
                });
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }
}

fn serve(stream: TcpStream, answer: impl Fn(&str) -> Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        match answer(&head) {
            Answer::Close(bytes) => return stream.write_all(&bytes),
            Answer::Keep(bytes) => stream.write_all(&bytes)?,
            Answer::Hang(bytes) => {
                stream.write_all(&bytes)?;
                let mut rest = String::new();
                return reader.read_line(&mut rest).map(drop);
            }
        }
    }
}

/// Returns a whole answer with the status 200.
pub(crate) fn page(body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}");
    format!("{head}\r\n\r\n{body}").into_bytes()
}
