//! Containers that are made, filled and destroyed.

use crate::life::{key, value};
use daos_status::{Code, Result};
use daos_store::*;
use daos_types::{ContainerId, Epoch, ObjectId};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Containers that live at once.
const LIVING: u64 = 2;
/// Values put into each.
const VALUES: u64 = 12;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Making,
    /// So many values are known to be there.
    There(u64),
    Going,
}

/// Containers by number; those that are gone for good are in no list.
#[derive(Default)]
pub struct Scratch {
    containers: RefCell<BTreeMap<u64, Phase>>,
    next: Cell<u64>,
}

fn container(number: u64) -> ContainerId {
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    ContainerId::from_bytes(bytes)
}

fn object(index: u64) -> ObjectId {
    ObjectId { hi: 0, lo: index % 3 }
}

fn bytes(number: u64, index: u64) -> Vec<u8> {
    value(number * 100 + index, (index * 1733 % 9000) as usize)
}

impl Scratch {
    fn set(&self, number: u64, phase: Phase) {
        self.containers.borrow_mut().insert(number, phase);
    }

    pub async fn work(&self, store: &Rc<Store>, containers: u64) -> Result<()> {
        for _ in 0..containers {
            let number = self.next.get();
            self.next.set(number + 1);
            self.set(number, Phase::Making);
            match store.container_create(container(number), store.container_defaults()).await {
                Ok(()) => {}
                Err(status) if status.code() == Code::Nospace => {
                    assert!(
                        !store.container_list().await?.contains(&container(number)),
                        "refused, and done all the same"
                    );
                    self.containers.borrow_mut().remove(&number);
                    continue;
                }
                Err(status) => return Err(status),
            }
            self.set(number, Phase::There(0));
            for index in 0..VALUES {
                match self.put(store, number, index).await {
                    Ok(()) => self.set(number, Phase::There(index + 1)),
                    Err(status) if status.code() == Code::Nospace => break,
                    Err(status) => return Err(status),
                }
            }
            let oldest = self.containers.borrow().first_key_value().map(|(number, _)| *number);
            if let Some(oldest) = oldest.filter(|oldest| oldest + LIVING <= number) {
                self.set(oldest, Phase::Going);
                store.container_destroy(container(oldest)).await?;
                self.containers.borrow_mut().remove(&oldest);
            }
        }
        Ok(())
    }

    async fn put(&self, store: &Store, number: u64, index: u64) -> Result<()> {
        let value = UpdateValue::Single(bytes(number, index).into());
        let akeys = vec![AkeyUpdate { akey: key("a"), value, conditions: Conditions::NONE }];
        let (container, object, epoch) = (container(number), object(index), Epoch(5 + index));
        let (dkey, conditions) = (key(&format!("key {index}")), Conditions::NONE);
        store.update(UpdateRequest { container, object, epoch, dkey, conditions, akeys: akeys.into() }).await
    }

    pub async fn verify(&self, store: &Store) {
        let there = store.container_list().await.expect("list");
        let numbers = self.containers.borrow().clone();
        for number in 0..self.next.get() {
            let is_there = there.contains(&container(number));
            match numbers.get(&number) {
                None => assert!(!is_there, "container {number} was destroyed"),
                Some(Phase::There(values)) => {
                    assert!(is_there, "container {number} was made");
                    self.verify_values(store, number, *values).await;
                }
                // The request under way: either will do, and what it is now it must stay.
                Some(Phase::Making | Phase::Going) if is_there => self.set(number, Phase::There(0)),
                Some(_) => drop(self.containers.borrow_mut().remove(&number)),
            }
        }
    }

    async fn verify_values(&self, store: &Store, number: u64, values: u64) {
        for index in 0..values {
            let akeys = vec![AkeyFetch { akey: key("a"), what: FetchWhat::Single, conditions: Conditions::NONE }];
            let request = FetchRequest {
                container: container(number),
                object: object(index),
                epoch: Epoch::MAX,
                dkey: key(&format!("key {index}")),
                akeys: akeys.into(),
                size_only: false,
                conditions: Conditions::NONE,
            };
            let reply = store.fetch(request).await.expect("fetch");
            let Fetched::Single { data, .. } = &reply.akeys[0] else { panic!("value {index} of {number} is gone") };
            assert!(data[..] == bytes(number, index)[..], "value {index} of container {number}");
        }
    }

    /// Destroys what is left.
    pub async fn clear(&self, store: &Rc<Store>) -> Result<()> {
        for number in self.containers.take().into_keys() {
            store.container_destroy(container(number)).await?;
        }
        Ok(())
    }
}
