//! A snapshot while a rank is being stopped, and leaders that clients send away.

use crate::actor::{Actor, Open};
use crate::machine::node_of;
use crate::story::{CALM_LIMIT, Conductor};
use daos_client::{Client, RankAction};
use daos_env::sync::join_all;
use daos_sim::fabric::Cut;
use daos_status::{Result, Status};
use daos_types::Epoch;
use std::sync::Arc;
use std::time::Duration;

/// The rank that is stopped; the one that leads is another one.
const RANK: u32 = 1;
const NODE: u64 = 1;
const LEADER: u64 = 0;
/// For how long it does not hear that it is to stop.
const DEAF: Duration = Duration::from_secs(3);
/// For how many turns an engine stutters: it comes to do something once a millisecond, and does all that has come meanwhile in one turn.
const STUTTERS: u64 = 20;
const STUTTER: Duration = Duration::from_millis(1);
/// How long administrators may wait for an answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(60);

impl Conductor {
    /// A rank whose clock is ahead is noted as stopped and has not heard of it: what it acknowledges then is in a snapshot that is made afterwards.
    pub async fn lead_through_a_stop(self) {
        let admin = self.world.add_client();
        if self.begin(&admin.client).await.is_none() {
            return;
        }
        let actor = self.actor(&admin);
        let told = self.within(CALM_LIMIT, "a snapshot while a rank is stopped", self.stop_and_snapshot(&actor));
        if let Some(Err(status)) = told.await {
            self.world.violate(format!("a snapshot while a rank is stopped: {status}"));
        }
    }

    async fn stop_and_snapshot(&self, actor: &Actor) -> Result<()> {
        let open = actor.open().await?;
        let number = self.object_on(actor, &open, RANK).await?;
        self.world.engine(NODE).clock.set_skew(8_000_000_000);
        // Orders do not arrive there, nor do what its clock shows and its answers arrive at the one that leads. Clients reach both.
        self.world.control.set_cut(Some(Arc::new(|from, to| from == LEADER && to == NODE)));
        let to_leader: Cut = Arc::new(|from, to| node_of(from) == NODE && node_of(to) == LEADER);
        self.world.fabric.set_cut(Some(to_leader));
        let (operator, watcher) = (self.world.add_client(), self.world.add_client());
        let stopping =
            self.spawner.spawn(async move { operator.client.act_on_ranks(RankAction::Stop, &[RANK], false).await });
        let noted = async || {
            let ranks = watcher.client.system_ranks().await?;
            Ok(ranks.iter().any(|info| info.rank == RANK && info.state == "stopped").then_some(()))
        };
        let Some(()) = self.until(CALM_LIMIT, "the rank is noted as stopped", noted).await else { return Ok(()) };
        let value = actor.put(&open, number).await?;
        let (world, spawner) = (self.world.clone(), self.spawner.clone());
        let heals = self.spawner.spawn(async move {
            spawner.sleep(DEAF).await;
            world.set_cut(None);
        });
        let epoch = open.container.create_snapshot(&actor.client, "", 0).await?;
        heals.await;
        stopping.await.expect("the task ends")?;
        if self.all_started(&actor.client).await.is_none()
            || self.all_joined(&actor.client, self.world.shape.engines, CALM_LIMIT).await.is_none()
        {
            return Ok(());
        }
        let found = actor.fetch(&open, Epoch(epoch.0), number, 0).await?;
        if found != Some(value) {
            self.world.violate(format!("value {value} was acknowledged before the snapshot, which shows {found:?}"));
        }
        Ok(())
    }

    /// While a system of one engine is stopped, others want something of its ranks all the time: each is answered.
    pub async fn lead_through_a_stop_with_others(self) {
        let admin = self.world.add_client();
        if self.begin(&admin.client).await.is_none() {
            return;
        }
        let others: Vec<_> = (0..2 * STUTTERS)
            .map(|number| {
                let (spawner, client) = (self.spawner.clone(), admin.client.clone());
                self.spawner.spawn(async move {
                    spawner.sleep(STUTTER / 2 * number as u32).await;
                    client.act_on_ranks(RankAction::Exclude, &[0], false).await
                })
            })
            .collect();
        let stopping = self.spawner.spawn({
            let client = admin.client.clone();
            async move { client.act_on_ranks(RankAction::Stop, &[], true).await }
        });
        for _ in 0..STUTTERS {
            self.world.freeze(0, STUTTER);
            self.spawner.sleep(STUTTER + STUTTER / 100).await;
        }
        let answered = self.within(ANSWERED_WITHIN, "what was wanted of ranks while they stopped", join_all(others));
        let refused = answered.await.is_none_or(|answers| answers.iter().all(|answer| !matches!(answer, Some(Ok(_)))));
        if !refused {
            self.world.violate("an engine that leads was excluded".to_owned());
        }
        if let Some(Some(Err(status))) = self.within(ANSWERED_WITHIN, "stopping a system", stopping).await {
            self.world.violate(format!("the system cannot be stopped: {status}"));
        }
    }

    /// A system is stopped, and some moments after that somebody wants a rank to come back that is excluded, which is answered.
    pub async fn lead_through_a_stop_with_one_excluded(self, after: Duration) {
        let admin = self.world.add_client();
        if self.begin(&admin.client).await.is_none() {
            return;
        }
        let rank = NODE as u32;
        if let Err(status) = admin.client.act_on_ranks(RankAction::Exclude, &[rank], true).await {
            self.world.violate(format!("rank {rank} cannot be excluded: {status}"));
        }
        let stopping = self.spawner.spawn({
            let client = admin.client.clone();
            async move { client.act_on_ranks(RankAction::Stop, &[], true).await }
        });
        let back = self.spawner.spawn({
            let (spawner, client) = (self.spawner.clone(), admin.client.clone());
            async move {
                spawner.sleep(after).await;
                // In time, or when it is too late for that: what is wrong is to hear nothing.
                drop(client.act_on_ranks(RankAction::ClearExclude, &[rank], false).await);
            }
        });
        for _ in 0..STUTTERS {
            self.world.freeze(LEADER, STUTTER);
            self.spawner.sleep(STUTTER + STUTTER / 100).await;
        }
        self.within(ANSWERED_WITHIN, "what was wanted of a rank while all stopped", back).await;
        self.within(ANSWERED_WITHIN, "stopping a system", stopping).await;
    }

    /// The service is led by another engine soon after a client has wanted that, and goes on.
    pub async fn lead_elsewhere(self) {
        let admin = self.world.add_client();
        if self.begin(&admin.client).await.is_none() {
            return;
        }
        let actor = self.actor(&admin);
        let told = self.within(CALM_LIMIT, "a change of leader that a client wants", async {
            let open = actor.open().await?;
            for _ in 0..3 {
                let before = self.leader(&actor.client).await?;
                open.pool.stop_service(&actor.client).await?;
                let moved = async || Ok((self.leader(&actor.client).await? != before).then_some(()));
                if self.until(CALM_LIMIT, "another engine leads", moved).await.is_none() {
                    break;
                }
                open.container.create_snapshot(&actor.client, "", 0).await?;
            }
            Ok::<(), Status>(())
        });
        if let Some(Err(status)) = told.await {
            self.world.violate(format!("a change of leader that a client wants: {status}"));
        }
    }

    pub async fn leader(&self, client: &Client) -> Result<u32> {
        let pools = client.pool_list().await?;
        Ok(pools.first().and_then(|pool| pool.service_ranks.first().copied()).expect("a pool, and a leader"))
    }

    /// An object that lies on the rank, in which something is written.
    pub async fn object_on(&self, actor: &Actor, open: &Open, rank: u32) -> Result<u64> {
        // The even ones are of a class that lies at one target.
        for number in (100..200).step_by(2) {
            actor.put(open, number).await?;
            let ranks = actor.object(open, number)?.ranks(&actor.client).await?;
            if !ranks.is_empty() && ranks.iter().all(|at| at.0 == rank) {
                return Ok(number);
            }
        }
        Err(Status::new(daos_status::Code::Nonexist, "no object lies on the rank"))
    }
}
