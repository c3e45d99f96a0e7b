//! What a client does about engines of a system that do not answer: it asks the metadata service what has become of them.

use crate::Client;
use crate::attach::{Connection, who_leads};
use crate::client::ClientInner;
use crate::route::Route;
use daos_env::Spawner;
use daos_rpc::Address;
use daos_status::{Code, Status};
use daos_types::Rank;
use daos_wire::{Opcode, RankState, RankTable, SystemQuery, decode, encode};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// How long an engine that was lost without a word is waited for: its process may be started again at once.
const GRACE: Duration = Duration::from_secs(2);
/// How often a client with calls under way looks whether the engines are still there.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// How long the metadata service may take to say what has become of the ranks, before it is asked elsewhere who leads it.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// What to do about a call that a target did not answer.
pub(crate) enum Verdict {
    /// It may be sent again.
    Again(Status),
    /// It may be sent again, to where the targets are now.
    Moved(Status),
    /// Nobody will answer it.
    Final(Status),
}

/// Whether a failure may mean that an engine is gone.
pub(crate) fn may_be_gone(status: &Status) -> bool {
    matches!(status.code(), Code::Unreach | Code::Hg | Code::Shutdown)
}

/// Finds out why a target, by its position in the pool map, did not answer.
pub(crate) async fn judge(
    client: &Client,
    connection: &Connection,
    route: &Route,
    target: u32,
    failure: Status,
) -> Verdict {
    let Some((rank, index)) = route.name(target) else { return Verdict::Again(failure) };
    let Ok(table) = ask(client, connection).await else { return Verdict::Again(failure) };
    let Some(entry) = table.find(rank) else {
        let sentence = format!("rank {} is no longer part of system '{}'", rank.0, table.system);
        return Verdict::Final(Status::new(Code::Unreach, sentence));
    };
    let state = RankState::from_number(entry.state);
    if state == Some(RankState::Joined) {
        client.forget_lost(rank);
        let is_there = route
            .address(target)
            .is_ok_and(|address| entry.targets.get(index.0 as usize).is_some_and(|now| now == address.as_str()));
        return if is_there { Verdict::Again(failure) } else { Verdict::Moved(failure) };
    }
    if matches!(state, Some(RankState::Excluded | RankState::AdminExcluded)) {
        // The pool map says what that means for the object.
        return Verdict::Moved(failure);
    }
    let lost_for = client.lost_for(rank);
    if state == Some(RankState::Unresponsive) && lost_for < GRACE {
        return Verdict::Again(failure);
    }
    let word = state.map_or("unknown", RankState::word);
    let sentence = format!(
        "rank {} is {word}, and target {} of it holds what was asked for; 'dmg system query' shows the ranks",
        rank.0, index.0
    );
    Verdict::Final(Status::new(Code::Unreach, sentence))
}

async fn ask(client: &Client, connection: &Connection) -> daos_status::Result<RankTable> {
    client.call_service_at(connection, Opcode::SystemRanks, &SystemQuery {}, None).await
}

/// Ends calls to engines that are gone, as long as the connection lives, and when it was lost as long as it has calls: one that was stopped in its tracks says nothing, and
/// calls to it would last until their time is over.
///
/// `known`: the engines as they were when the client attached.
pub(crate) async fn watch(
    client: Weak<ClientInner>,
    spawner: Spawner,
    connection: Weak<Connection>,
    mut known: RankTable,
) {
    loop {
        spawner.sleep(WATCH_INTERVAL).await;
        let Some(client) = client.upgrade().map(Client) else { return };
        let Some(connection) = connection.upgrade() else { return };
        if connection.endpoint().statistics().outstanding == 0 {
            if connection.is_lost() {
                return;
            }
            continue;
        }
        let Some(asked) = asked(&client, &connection).await else { continue };
        match look(&asked).await {
            Ok(table) => {
                fail_lost(&connection, &table);
                fail_moved(&connection, &known, &table);
                known = table;
            }
            Err(status) if status.code() == Code::Timedout => find_leader(&client, &asked).await,
            // The connection is lost, which shows by itself.
            Err(_) => {}
        }
    }
}

/// The connection on which to ask about the ranks: the newest, when that with the calls was lost. Its calls go to other engines than the one that
/// was lost, and nobody else would notice that those are gone, too.
async fn asked(client: &Client, connection: &Rc<Connection>) -> Option<Rc<Connection>> {
    if !connection.is_lost() {
        return Some(connection.clone());
    }
    let newest: Pin<Box<dyn Future<Output = daos_status::Result<Rc<Connection>>> + '_>> = Box::pin(client.connection());
    newest.await.ok()
}

/// What has become of the ranks, if the service says so at once.
async fn look(connection: &Connection) -> daos_status::Result<RankTable> {
    let body = encode(&SystemQuery {});
    let endpoint = connection.endpoint();
    decode(&endpoint.call(connection.service(), Opcode::SystemRanks as u16, body, LOOK_LIMIT).await?)
}

/// Gives a connection up that leads to an engine which says nothing, when another one leads: it was stopped in its tracks, or is cut
/// off. One that is only slow is waited for.
async fn find_leader(client: &Client, connection: &Connection) {
    let Some(access) = &client.0.settings.system else { return };
    let Some(leader) = who_leads(client, access).await else { return };
    if leader.targets.first().is_some_and(|first| first != connection.service().as_str()) {
        daos_env::log!(Info, "client", "rank {} leads the metadata service now: asking there", leader.rank.0);
        connection.abandon();
    }
}

/// Ends calls to where engines were before: one that has started anew may be elsewhere, and nobody answers there any more.
fn fail_moved(connection: &Connection, before: &RankTable, now: &RankTable) {
    for old in &before.ranks {
        let stays = |address: &&String| now.ranks.iter().any(|entry| entry.targets.contains(*address));
        for address in old.targets.iter().filter(|address| !stays(address)) {
            if let Ok(address) = Address::parse(address) {
                let why = Status::new(Code::Unreach, format!("rank {} is elsewhere now", old.rank.0));
                connection.endpoint().fail_peer(&address, why);
            }
        }
    }
}

fn fail_lost(connection: &Rc<Connection>, table: &RankTable) {
    for entry in &table.ranks {
        let state = RankState::from_number(entry.state);
        if entry.rank == table.service || state == Some(RankState::Joined) {
            continue;
        }
        let word = state.map_or("unknown", RankState::word);
        for address in entry.targets.iter().filter_map(|text| Address::parse(text).ok()) {
            let why = Status::new(Code::Unreach, format!("rank {} is {word}", entry.rank.0));
            connection.endpoint().fail_peer(&address, why);
        }
    }
}

impl Client {
    /// For how long a rank has been found lost, without a sign of life in between.
    fn lost_for(&self, rank: Rank) -> Duration {
        let now = self.spawner().clock().monotonic();
        let since = *self.0.lost_ranks.borrow_mut().entry(rank).or_insert(now);
        now.saturating_sub(since)
    }

    fn forget_lost(&self, rank: Rank) {
        self.0.lost_ranks.borrow_mut().remove(&rank);
    }
}
