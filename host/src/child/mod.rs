//! Children of this binary, which do what may hang or grow without end: they can be killed. One
//! request on standard input, one answer on standard output.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Asks a child whose input and output are pipes. Gives at most `limit` bytes of its answer, which
/// are none if it ended without one.
///
/// # Errors
/// That there is no answer by the deadline. The child runs on; whoever started it kills it.
pub fn ask(
    child: &mut Child,
    request: &[&[u8]],
    limit: u64,
    deadline: Duration,
) -> Result<Vec<u8>, RecvTimeoutError> {
    let (Some(stdin), Some(stdout)) = (child.stdin.as_mut(), child.stdout.take()) else {
        return Err(RecvTimeoutError::Disconnected);
    };
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        // One that ends in the middle has answered nothing that can be read.
        let _ = stdout.take(limit).read_to_end(&mut answer);
        // Nobody waits any longer after the deadline.
        let _ = sender.send(answer);
    });
    // It reads all before it answers; one that ended at once is told by its missing answer. Its
    // input stays open: that it ends tells the child that nobody wants an answer.
    let _ = request.iter().try_for_each(|part| stdin.write_all(part));
    receiver.recv_timeout(deadline)
}

/// A child of this binary, by its own name for those who list processes.
pub fn of_own(program: &Path) -> Command {
    let mut command = Command::new(program);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::arg0(&mut command, "trimtab");
    command
}

/// The child's side, at its beginning: it ends with its parent.
pub fn end_with_parent() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}

/// The child's side, once it has read its request: it ends when nobody wants an answer.
pub fn end_when_unwanted() {
    std::thread::spawn(|| {
        // The parent keeps the pipe open as long as it wants one.
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
}
