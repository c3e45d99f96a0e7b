//! `fi_pingpong` of libfabric, as the limit of what a provider gives.

use daos_status::{Code, Result, Status};
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = "fi_pingpong";
/// Messages of one run, there and back.
const ITERATIONS: &str = "2000";

/// Ends the server when the client did not.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended by itself after a run that worked; both calls then find nothing to do.
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Half of a round trip's microseconds for messages of `size` bytes over `tcp`, as `fi_pingpong` prints them; `None`, with the
/// reason on standard error, when it cannot be run.
pub fn microseconds_per_transfer(size: usize) -> Option<f64> {
    match measure(size) {
        Ok(microseconds) => Some(microseconds),
        Err(error) => {
            eprintln!("daos-bench: no figure of {PROGRAM}: {error}");
            None
        }
    }
}

fn measure(size: usize) -> Result<f64> {
    let port = free_port()?.to_string();
    let size = size.to_string();
    let arguments = ["-p", "tcp;ofi_rxm", "-e", "rdm", "-I", ITERATIONS, "-S", &size];
    let mut server = Command::new(PROGRAM);
    server.args(arguments).args(["-B", &port]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Server(server.spawn().map_err(|error| Status::from(error).while_doing("starting fi_pingpong"))?);
    // The server needs a moment to listen; the client says at once when it does not.
    let mut last = String::new();
    for _ in 0..100 {
        let mut client = Command::new(PROGRAM);
        let output = client.args(arguments).args(["-P", &port, "127.0.0.1"]).stdin(Stdio::null()).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if let Some(microseconds) = parse(&text) {
            drop(server);
            return Ok(microseconds);
        }
        last = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    }
    Err(Status::new(Code::Misc, format!("it printed no figure: {last}")))
}

/// The column `usec/xfer` of the one line of figures.
fn parse(text: &str) -> Option<f64> {
    let mut lines = text.lines();
    let column = lines.by_ref().find_map(|line| line.split_whitespace().position(|word| word == "usec/xfer"))?;
    lines.next()?.split_whitespace().nth(column)?.parse().ok()
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_is_read_from_its_column() {
        let text = "bytes   #sent   #ack     total       time     MB/sec    usec/xfer   Mxfers/sec\n\
                    64      2k      =2k      250k        0.06s      4.02      15.91       0.06\n";
        assert_eq!(parse(text), Some(15.91));
        assert_eq!(parse("nothing"), None);
    }
}
