//! Attaching to a system of several engines by its access points.

use super::dial::dial;
use super::looks::Looks;
use crate::Client;
use daos_rpc::ControlStream;
use daos_security::Credentials;
use daos_status::{Code, Result, Status, fail};
use daos_wire::header::HEADER_LENGTH;
use daos_wire::{
    Attach, CONTROL_LENGTH_MAX, ControlReply, ControlRequest, Hello, RankEntry, RankTable, SystemMembers, SystemState,
    control_frame, control_message, control_rest_length,
};
use std::io::ErrorKind;
use std::time::Duration;

/// How long the answer to an attach may take, at most.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// How long it may take at first: an engine that was stopped in its tracks takes connections in and says nothing, and the next one may
/// know who leads by now.
const FIRST_ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// How long a client that was attached before goes on trying: an engine restarts meanwhile, or another one takes over.
const AGAIN_LIMIT: Duration = Duration::from_secs(30);
/// How long one goes on that finds engines which are starting, and one that finds none.
const FIRST_LIMITS: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(2));
/// How long it waits between two attempts.
const INTERVAL: Duration = Duration::from_millis(50);
/// How often one answer after the other may point elsewhere.
const REDIRECTS_MAX: usize = 4;

/// The system that a client is to use, and where it is found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SystemAccess {
    /// Its name.
    pub name: String,
    /// Control ports of some of its engines, `host:port`.
    pub access_points: Vec<String>,
}

/// Attaches; the connection is the client's lease.
pub(super) async fn attach(
    client: &Client,
    access: &SystemAccess,
    generation: u64,
) -> Result<(Box<dyn ControlStream>, Hello, RankTable)> {
    let request =
        ControlRequest::Attach(Attach { system: access.name.clone(), credentials: Credentials::of_process() });
    match ask(client, access, &request, generation > 1, ANSWER_LIMIT).await? {
        (stream, ControlReply::Greeting((hello, table))) if !hello.targets.is_empty() => Ok((stream, hello, table)),
        (_, other) => fail!(Code::Proto, "an engine of system '{}' answered {other:?}", access.name),
    }
}

/// Asks the engine that leads, found by the access points; tries again for a while when it cannot be found now.
pub(crate) async fn ask(
    client: &Client,
    access: &SystemAccess,
    request: &ControlRequest,
    was_attached: bool,
    answer_limit: Duration,
) -> Result<(Box<dyn ControlStream>, ControlReply)> {
    let spawner = client.spawner();
    let start = spawner.clock().monotonic();
    // What takes long is not asked twice.
    let mut patience = if answer_limit > ANSWER_LIMIT { answer_limit } else { FIRST_ANSWER_LIMIT };
    loop {
        let failure = match ask_any(client, access, request, patience).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let limit = match failure.code() {
            Code::Again | Code::Unreach | Code::Timedout | Code::Shutdown if was_attached => AGAIN_LIMIT,
            Code::Again | Code::Timedout => FIRST_LIMITS.0,
            Code::Unreach => FIRST_LIMITS.1,
            _ => Duration::ZERO,
        };
        if spawner.clock().monotonic().saturating_sub(start) >= limit || client.is_closed() {
            return Err(match failure.code() {
                Code::Unreach | Code::Timedout => not_found(&failure, access),
                Code::Again => failure.while_doing(format_args!("finding system '{}'", access.name)),
                _ => failure,
            });
        }
        spawner.sleep(INTERVAL).await;
        patience = (2 * patience).min(answer_limit);
    }
}

/// Where the metadata service is led, as one of the engines says; nothing when none does at once.
pub(crate) async fn who_leads(client: &Client, access: &SystemAccess) -> Option<RankEntry> {
    let request = ControlRequest::Members(SystemMembers { system: access.name.clone() });
    match ask_any(client, access, &request, FIRST_ANSWER_LIMIT).await {
        Ok((_, ControlReply::State(SystemState { table, .. }))) => table.find(table.service).cloned(),
        _ => None,
    }
}

/// Nobody answers at the access points: what to do about it.
fn not_found(failure: &Status, access: &SystemAccess) -> Status {
    let (places, why) = (access.access_points.join(", "), failure.context());
    let sentence = format!(
        "system '{}' is not found at {places}: {why}; start an engine there, or correct the access points (DAOS_ACCESS_POINTS)",
        access.name
    );
    Status::new(Code::Unreach, sentence)
}

async fn ask_any(
    client: &Client,
    access: &SystemAccess,
    request: &ControlRequest,
    answer_limit: Duration,
) -> Result<(Box<dyn ControlStream>, ControlReply)> {
    let mut failure: Option<Status> = None;
    for place in &access.access_points {
        match ask_at(client, place.clone(), request, answer_limit).await {
            Ok(answer) => return Ok(answer),
            // What one that answers says counts more than that others do not.
            Err(status) if status.code() == Code::Unreach && failure.is_some() => {}
            Err(status) => failure = Some(status),
        }
    }
    let nowhere = || Status::new(Code::Inval, "no access point is given: set DAOS_ACCESS_POINTS to host:port");
    Err(failure.unwrap_or_else(nowhere))
}

async fn ask_at(
    client: &Client,
    mut place: String,
    request: &ControlRequest,
    answer_limit: Duration,
) -> Result<(Box<dyn ControlStream>, ControlReply)> {
    let asked = place.clone();
    for redirects in 0..REDIRECTS_MAX {
        match ask_there(client, &place, request, answer_limit).await {
            Ok((_, ControlReply::Redirect(other))) => place = other,
            Ok((_, ControlReply::Failed(failure))) => return Err(failure.status()),
            // There is a system: where it is led has changed, or is about to.
            Err(status) if redirects > 0 && status.code() == Code::Unreach => {
                fail!(Code::Again, "the engine at {asked} says that the system is led at {place}: {}", status.context())
            }
            other => return other,
        }
    }
    fail!(Code::Again, "the engines point at each other: the metadata service has no place yet")
}

/// Asks at one place, and gives whatever is answered.
pub(crate) async fn ask_there(
    client: &Client,
    place: &str,
    request: &ControlRequest,
    answer_limit: Duration,
) -> Result<(Box<dyn ControlStream>, ControlReply)> {
    let doing = |error: std::io::Error| unreached(place, &error);
    let mut stream = dial(&client.0.control, place).await.map_err(doing)?;
    // A request fits the buffer of a fresh connection.
    stream.write_all(&control_frame(request)).map_err(doing)?;
    let reply = read(client, &mut *stream, place, answer_limit).await?;
    Ok((stream, reply))
}

fn unreached(place: &str, error: &std::io::Error) -> Status {
    Status::new(Code::Unreach, format!("no engine answers at {place}: {error}"))
}

async fn read(client: &Client, stream: &mut dyn ControlStream, place: &str, limit: Duration) -> Result<ControlReply> {
    let deadline = client.spawner().clock().monotonic() + limit;
    let mut received = Vec::new();
    let (mut wanted, mut looks) = (HEADER_LENGTH, Looks::new());
    let engine = format!("the engine at {place}");
    loop {
        let mut bytes = [0; 4096];
        let room = bytes.len().min(wanted - received.len());
        match stream.read(&mut bytes[..room]) {
            Ok(0) => fail!(Code::Unreach, "the engine at {place} closed the connection; it is ending, or has no room"),
            Ok(count) => received.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if client.spawner().clock().monotonic() >= deadline {
                    fail!(
                        Code::Timedout,
                        "the engine at {place} accepted a connection and said nothing within {} s; its process may have been stopped in its \
                         tracks, or be busy: 'dmg system query' shows the ranks",
                        limit.as_secs_f32()
                    );
                }
                looks.pause(client).await;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(unreached(place, &error)),
        }
        if received.len() < wanted {
            continue;
        }
        if let (true, Some(header)) = (wanted == HEADER_LENGTH, received.first_chunk()) {
            wanted += control_rest_length::<ControlReply>(header, CONTROL_LENGTH_MAX, &engine)?;
        }
        if received.len() == wanted {
            return control_message(&received, &engine);
        }
    }
}
