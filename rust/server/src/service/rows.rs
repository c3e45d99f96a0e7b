//! The pool service's rows, as the system's replicas keep them.

use super::journal::{Doing, RowLog};
use daos_pool_service::{PoolService, Row, RowKey};
use daos_replicated::{ProposalError, Replica, RowChange, Term};
use daos_status::Result;
use daos_types::Rank;

/// The rows of a service that leads in one term.
pub(crate) struct RowStore {
    replica: Replica,
    term: Term,
}

impl RowStore {
    /// The rows of a replica that leads.
    pub fn new(replica: Replica, term: Term) -> RowStore {
        RowStore { replica, term }
    }

    async fn read_all(&self) -> Result<PoolService> {
        let mut rows = Vec::new();
        for (key, value) in self.replica.rows().await.map_err(ProposalError::into_status)? {
            rows.push(Row { key: RowKey::from_bytes(&key)?, value: Some(value) });
        }
        // A pool before its containers, and both before their attributes: the order of the kinds in `RowKey`.
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        let mut service = PoolService::new();
        for row in &rows {
            service.apply(row)?;
        }
        Ok(service)
    }

    async fn write_all(&self, rows: &[Row]) -> Result<()> {
        let change = |row: &Row| RowChange { key: row.key.to_bytes(), value: row.value.clone() };
        let stored = self.replica.propose(self.term, rows.iter().map(change).collect()).await;
        let stored = stored.map_err(ProposalError::into_status);
        stored.map(|_| ()).map_err(|status| status.while_doing("storing the system's metadata"))
    }
}

impl RowLog for RowStore {
    fn store<'a>(&'a self, rows: &'a [Row]) -> Doing<'a, ()> {
        Box::pin(self.write_all(rows))
    }

    fn load(&self) -> Doing<'_, PoolService> {
        Box::pin(self.read_all())
    }

    fn replicas(&self) -> Vec<Rank> {
        let leader = Rank(self.replica.id().rank());
        let mut ranks: Vec<Rank> = (self.replica.membership().members.iter())
            .filter(|member| member.voter)
            .map(|member| Rank(member.id.rank()))
            .collect();
        ranks.sort_unstable_by_key(|rank| (*rank != leader, *rank));
        ranks
    }

    fn term(&self) -> u64 {
        self.term.0
    }

    fn confirm(&self) -> Doing<'_, ()> {
        Box::pin(async { self.replica.read_barrier(self.term).await.map_err(ProposalError::into_status) })
    }

    fn hand_over(&self) -> Doing<'_, ()> {
        Box::pin(async { self.replica.transfer(None).await.map_err(ProposalError::into_status) })
    }
}
