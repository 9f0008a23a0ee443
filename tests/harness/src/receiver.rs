//! An HTTP server that keeps what it is sent, and answers as it is told: a Git host's API, or the
//! other end of a webhook.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// One request.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// What it was answered.
    pub status: u16,
}

/// What a request is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    Now(u16, Vec<(&'static str, String)>, String),
    /// The connection stays, and nothing comes.
    Hang,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self::Now(status, Vec::new(), String::new())
    }
}

type Answers = Box<dyn Fn(&Received) -> Reply + Send>;

#[derive(Default)]
struct State {
    received: Vec<Received>,
    hanging: usize,
    answers: Option<Answers>,
    ended: bool,
}

#[derive(Clone, Default)]
struct Shared(Arc<(Mutex<State>, Condvar)>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends when it is dropped.
pub struct Receiver {
    pub at: SocketAddr,
    shared: Shared,
    running: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Answers 201 until it is told otherwise.
    pub fn start() -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// Where another one was before.
    pub fn start_at(at: SocketAddr) -> Self {
        let listener = TcpListener::bind(at).expect("a port");
        let at = listener.local_addr().expect("an address");
        let shared = Shared::default();
        let served = shared.clone();
        let running = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if served.lock().ended {
                    return;
                }
                let served = served.clone();
                // A client that goes away is its own affair.
                std::thread::spawn(move || stream.and_then(|it| connection(it, &served)));
            }
        });
        Self {
            at,
            shared,
            running: Some(running),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    pub fn answer(&self, answers: impl Fn(&Received) -> Reply + Send + 'static) {
        self.shared.lock().answers = Some(Box::new(answers));
    }

    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// How many requests got no answer.
    pub fn hanging(&self) -> usize {
        self.shared.lock().hanging
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.0.1.notify_all();
        // Whoever waits for the next connection gets one.
        let _ = TcpStream::connect(self.at);
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

fn connection(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(mut request) = read(&mut reader)? {
        let mut state = shared.lock();
        let reply = match &state.answers {
            Some(answers) => answers(&request),
            None => Reply::status(201),
        };
        let Reply::Now(status, headers, body) = reply else {
            state.hanging += 1;
            let waiting = shared.0.1.wait_while(state, |it| !it.ended);
            drop(waiting);
            return Ok(());
        };
        request.status = status;
        state.received.push(request);
        drop(state);
        let mut text = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        (&stream).write_all(format!("{text}\r\n{body}").as_bytes())?;
    }
    Ok(())
}

fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Received>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next(), words.next());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length");
    let length: usize = length.and_then(|it| it.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Received {
        method: method.unwrap_or_default(),
        path: path.unwrap_or_default(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        status: 0,
    }))
}
