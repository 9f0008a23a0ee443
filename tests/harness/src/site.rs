//! A web server of a test's own: files, chart repositories, registries, and Git by its own HTTP
//! backend.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// With its query.
    pub path: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// What it is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn fine(body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::fine("")
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

type Answers = Box<dyn Fn(&Asked) -> Answer + Send + Sync>;

struct Shared {
    answers: Answers,
    asked: Mutex<Vec<Asked>>,
    away: AtomicBool,
    ended: AtomicBool,
}

/// Ends when it is dropped.
pub struct Site {
    pub at: SocketAddr,
    shared: Arc<Shared>,
    running: Option<JoinHandle<()>>,
}

impl Site {
    pub fn start(answers: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let at = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            answers: Box::new(answers),
            asked: Mutex::default(),
            away: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let served = shared.clone();
        let running = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if served.ended.load(Ordering::SeqCst) {
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

    /// Git repositories below a folder, as git's own HTTP backend serves them.
    pub fn of_git(folder: &Path) -> Self {
        let folder = folder.to_owned();
        Self::start(move |asked| git(&folder, asked))
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Breaks connections off instead of answering, or answers again.
    pub fn be_away(&self, away: bool) {
        self.shared.away.store(away, Ordering::SeqCst);
    }

    /// All requests, also those that got no answer.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.shared.asked).clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Whoever waits for the next connection gets one.
        let _ = TcpStream::connect(self.at);
        if let Some(running) = self.running.take() {
            let _ = running.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connection(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(asked) = read(&mut reader)? {
        lock(&shared.asked).push(asked.clone());
        if shared.away.load(Ordering::SeqCst) || shared.ended.load(Ordering::SeqCst) {
            return Ok(());
        }
        let answer = (shared.answers)(&asked);
        let mut head = format!(
            "HTTP/1.1 {} x\r\ncontent-length: {}\r\n",
            answer.status,
            answer.body.len()
        );
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        (&stream).write_all(format!("{head}\r\n").as_bytes())?;
        (&stream).write_all(&answer.body)?;
    }
    Ok(())
}

fn line(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let length = reader.read_line(&mut line)?;
    Ok((length > 0).then(|| line.trim_end().to_owned()))
}

fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Asked>> {
    let Some(first) = line(reader)? else {
        return Ok(None);
    };
    let mut words = first.split(' ').map(str::to_owned);
    let mut asked = Asked {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        headers: BTreeMap::new(),
        body: Vec::new(),
    };
    while let Some(header) = line(reader)?.filter(|it| !it.is_empty()) {
        if let Some((name, value)) = header.split_once(':') {
            let name = name.to_ascii_lowercase();
            asked.headers.insert(name, value.trim().to_owned());
        }
    }
    let length = asked.headers.get("content-length");
    if let Some(length) = length.and_then(|it| it.parse().ok()) {
        asked.body = vec![0; length];
        reader.read_exact(&mut asked.body)?;
    } else if asked.headers.contains_key("transfer-encoding") {
        loop {
            let size = line(reader)?.unwrap_or_default();
            let size = usize::from_str_radix(&size, 16).unwrap_or(0);
            let mut chunk = vec![0; size];
            reader.read_exact(&mut chunk)?;
            line(reader)?;
            if size == 0 {
                break;
            }
            asked.body.extend(chunk);
        }
    }
    Ok(Some(asked))
}

/// Asks git's HTTP backend, as a web server does (RFC 3875).
pub fn git(folder: &Path, asked: &Asked) -> Answer {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let header = |name: &str| asked.headers.get(name).cloned().unwrap_or_default();
    let mut backend = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("REQUEST_METHOD", &asked.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", asked.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git is there");
    let mut input = backend.stdin.take().expect("a pipe");
    let body = asked.body.clone();
    let writing = std::thread::spawn(move || drop(input.write_all(&body)));
    let output = backend.wait_with_output().expect("it ends");
    let _ = writing.join();
    let text = output.stdout;
    let end = text.windows(4).position(|it| it == b"\r\n\r\n");
    let Some(end) = end else {
        return Answer::status(500);
    };
    let mut answer = Answer::fine(&text[end + 4..]);
    for header in String::from_utf8_lossy(&text[..end]).lines() {
        match header.split_once(": ") {
            Some(("Status", status)) => {
                let code = status.split(' ').next().and_then(|it| it.parse().ok());
                answer.status = code.unwrap_or(500);
            }
            Some((name, value)) => answer = answer.with(name, value),
            None => {}
        }
    }
    answer
}
