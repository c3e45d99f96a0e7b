//! The endpoints of a process that can reach each other.

use super::mailbox::Mailbox;
use super::{InProcessTransport, SCHEME};
use crate::Address;
use daos_status::{Code, Result, Status, fail};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Endpoints that one network may have at a time.
const ENDPOINTS_MAX: usize = 1 << 16;

/// Endpoints find each other when they were opened on clones of the same network.
#[derive(Clone, Default)]
pub struct InProcessNetwork(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    next: u64,
    mailboxes: HashMap<u64, Arc<Mailbox>>,
}

impl InProcessNetwork {
    /// A network without endpoints.
    pub fn new() -> InProcessNetwork {
        InProcessNetwork::default()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an endpoint at an address that nobody had before.
    pub fn open(&self) -> Result<Rc<InProcessTransport>> {
        let mut table = self.table();
        let free = |number: &u64| !table.mailboxes.contains_key(number);
        // The range is bounded by what the table may hold, so one of it is free.
        let number = (table.next..=table.next + ENDPOINTS_MAX as u64).find(free).unwrap_or(table.next);
        table.next = number + 1;
        self.insert(&mut table, number)
    }

    /// Opens an endpoint at a given address, as one that came back after a restart does.
    pub fn open_at(&self, address: &Address) -> Result<Rc<InProcessTransport>> {
        let number = number_of(address)?;
        self.insert(&mut self.table(), number)
    }

    fn insert(&self, table: &mut Table, number: u64) -> Result<Rc<InProcessTransport>> {
        if table.mailboxes.len() >= ENDPOINTS_MAX {
            fail!(Code::Busy, "the network has {ENDPOINTS_MAX} endpoints already");
        }
        if table.mailboxes.contains_key(&number) {
            fail!(Code::Exist, "address {SCHEME}://{number} is in use");
        }
        let mailbox = Arc::new(Mailbox::new()?);
        table.mailboxes.insert(number, mailbox.clone());
        let address = Address::parse(&format!("{SCHEME}://{number}"))?;
        Ok(Rc::new(InProcessTransport::new(self.clone(), address, number, mailbox)))
    }

    pub(super) fn find(&self, number: u64) -> Option<Arc<Mailbox>> {
        self.table().mailboxes.get(&number).cloned()
    }

    pub(super) fn remove(&self, number: u64, mailbox: &Arc<Mailbox>) {
        let mut table = self.table();
        if table.mailboxes.get(&number).is_some_and(|known| Arc::ptr_eq(known, mailbox)) {
            table.mailboxes.remove(&number);
        }
    }
}

/// The number in an address of this transport.
pub(super) fn number_of(address: &Address) -> Result<u64> {
    let place = address.place(SCHEME)?;
    place.parse().map_err(|_| Status::new(Code::Inval, format!("address {address} does not end in a number")))
}
