//! Sending requests again: those that were refused for lack of room, and those whose engine ended. All of them can be carried out twice
//! without harm, or have a name by which one that comes twice is known.

use crate::Client;
use crate::attach::Connection;
use daos_status::{Code, Result, Status};
use std::cell::Cell;
use std::time::Duration;

/// How long a refused or lost request waits before it is sent again: at first, and at most.
const DELAYS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(256));

/// How often a request is sent again because the connection was lost. With the growing delays that is about a second, in which
/// the kernel has told about the end of a killed engine; how long the next engine takes to start does not count.
const LOST_MAX: u32 = 12;

/// What becomes of a request that was refused with `Busy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WhenBusy {
    /// It is sent again after a while: there was no room for it.
    Wait,
    /// It fails: `Busy` is the answer.
    Fail,
}

/// Runs an attempt until it succeeds, or fails for good. The attempt gets its connection anew each time.
pub(crate) async fn repeat<R>(
    client: &Client,
    when_busy: WhenBusy,
    attempt: impl AsyncFnMut() -> Result<R>,
) -> Result<R> {
    repeat_until(client, when_busy, &Cell::new(false), attempt).await
}

/// As [`repeat`], until the attempt has said that there is no use in another one.
pub(crate) async fn repeat_until<R>(
    client: &Client,
    when_busy: WhenBusy,
    given_up: &Cell<bool>,
    mut attempt: impl AsyncFnMut() -> Result<R>,
) -> Result<R> {
    let spawner = client.spawner();
    let deadline = spawner.clock().monotonic().saturating_add(client.0.settings.call_timeout);
    let (mut delay, mut lost) = (DELAYS.0, 0);
    loop {
        if when_busy == WhenBusy::Fail {
            // An engine that ended between two calls is noticed before anything is sent to it.
            client.look_at_lease();
        }
        let connection = client.connection().await?;
        let status = match attempt().await {
            Ok(result) => return Ok(result),
            Err(status) => status,
        };
        let in_time = spawner.clock().monotonic() < deadline;
        if client.is_closed() || given_up.get() {
            return Err(status);
        } else if matches!(status.code(), Code::Busy | Code::Again) && when_busy == WhenBusy::Wait && in_time {
            // It was refused: nothing was done.
        } else if in_time && is_unsettled(client, status.code(), when_busy) {
            // Asked again under the same number, by which the service knows what was done.
            client.has_lost(&connection, &status);
        } else if may_be_found(client, lost, in_time) && is_lost(client, &connection, &status) {
            lost += 1;
        } else {
            return Err(status);
        }
        spawner.sleep(delay).await;
        delay = (2 * delay).min(DELAYS.1);
    }
}

/// Whether it is worth looking for an engine once more. A system may take seconds to let another engine lead, and says itself when
/// nobody will answer for a target; of a local engine the kernel tells.
fn may_be_found(client: &Client, lost: u32, in_time: bool) -> bool {
    lost < LOST_MAX || (in_time && client.0.settings.system.is_some())
}

/// Whether the pool service could not say, and will be able to: it is led elsewhere, or did not answer. Requests to targets
/// wait for room, and are not meant.
fn is_unsettled(client: &Client, code: Code, when_busy: WhenBusy) -> bool {
    match code {
        Code::Notleader | Code::Notreplica | Code::Again => when_busy == WhenBusy::Fail,
        Code::Timedout => {
            when_busy == WhenBusy::Fail && client.0.settings.call_timeout > crate::client::SERVICE_TIMEOUT
        }
        _ => false,
    }
}

/// Whether a request failed because its engine is gone, or the connection to it.
fn is_lost(client: &Client, connection: &Connection, status: &Status) -> bool {
    match status.code() {
        Code::Unreach | Code::Hg | Code::Shutdown => true,
        // What an endpoint says that was closed, or an engine that is about to end and one that has just started.
        Code::Canceled | Code::NoHdl => {
            client.look_at_lease();
            connection.is_lost()
        }
        _ => false,
    }
}
