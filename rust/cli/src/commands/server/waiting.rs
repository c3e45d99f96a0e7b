//! Tells whoever started an engine why it is not ready yet.

use daos_status::Status;
use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Engines that are started together find each other within this.
const SILENCE: Duration = Duration::from_secs(3);
/// How long at least there is between one sentence and the next.
const PAUSE: Duration = Duration::from_secs(30);

/// What an engine waits for, until it is dropped.
#[derive(Default)]
pub struct Waiting(Option<Sender<String>>);

impl Waiting {
    /// The engine is not ready, for this reason.
    pub fn note(&mut self, why: &Status) {
        let sender = self.0.get_or_insert_with(|| {
            let (sender, receiver) = channel();
            // Without the thread the log says it all the same.
            let _not_said = std::thread::Builder::new().name("daos-waiting".to_owned()).spawn(move || {
                tell(&receiver, SILENCE, PAUSE, |why| {
                    let sentence = "it is not part of the system yet, and goes on trying";
                    // Who started it and does not read may be gone.
                    let _nobody = writeln!(std::io::stderr(), "daos_server: {sentence}: {why}");
                });
            });
            sender
        });
        let _nobody_says_it = sender.send(why.to_string());
    }
}

/// Says the newest reason after some silence, and what it changes to later.
fn tell(reasons: &Receiver<String>, silence: Duration, pause: Duration, mut say: impl FnMut(&str)) {
    let mut said = String::new();
    let mut next = silence;
    while let Ok(mut newest) = reasons.recv() {
        loop {
            match reasons.recv_timeout(next) {
                Ok(newer) => newest = newer,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        if newest != said {
            say(&newest);
            said = newest;
        }
        next = pause;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_of_an_engine_that_is_ready_soon() {
        let (sender, receiver) = channel();
        sender.send("nobody answers".to_owned()).unwrap();
        drop(sender);
        tell(&receiver, Duration::from_secs(3600), Duration::ZERO, |why| panic!("{why}"));
    }

    #[test]
    fn each_reason_is_said_once() {
        let (sender, receiver) = channel();
        let mut said = Vec::new();
        sender.send("nobody answers".to_owned()).unwrap();
        let mut sender = Some(sender);
        // The same comes again, and another one, when the first was said; then the engine is ready.
        tell(&receiver, Duration::ZERO, Duration::ZERO, |why| {
            said.push(why.to_owned());
            let open = sender.take().unwrap();
            if said.len() == 1 {
                for why in ["nobody answers", "nobody leads"] {
                    open.send(why.to_owned()).unwrap();
                }
                sender = Some(open);
            }
        });
        assert_eq!(said, ["nobody answers", "nobody leads"]);
    }
}
