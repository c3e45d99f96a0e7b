//! Random requests of every kind, one after the other. Each comes with an update that writes its number elsewhere, in the same
//! transaction: by that it is known which ones are there.

use crate::generate::{CONTAINER, Generator};
use crate::life::{MARKERS, marker, marker_object, read_number};
use crate::{check, model::Model};
use daos_status::{Code, Result};
use daos_store::{Operation, Store};
use std::cell::{Cell, RefCell};

pub struct RandomRequests {
    generator: RefCell<Generator>,
    /// What must be there, and what may be there as well: the request under way.
    known: RefCell<Model>,
    begun: RefCell<Option<Model>>,
    number: Cell<u64>,
}

impl RandomRequests {
    pub fn new(seed: u64) -> RandomRequests {
        RandomRequests {
            generator: RefCell::new(Generator::new(seed)),
            known: RefCell::default(),
            begun: RefCell::default(),
            number: Cell::new(0),
        }
    }

    pub fn number(&self) -> u64 {
        self.number.get()
    }

    pub async fn work(&self, store: &Store, requests: u64) -> Result<()> {
        for _ in 0..requests {
            let mut operations: Vec<Operation> = self.generator.borrow_mut().operations();
            let mut next = self.known.borrow().clone();
            let expected = next.apply(&operations);
            operations.push(Operation::Update(marker(0, self.number.get() + 1)));
            if expected.is_ok() {
                self.begun.replace(Some(next));
            }
            match (store.apply(operations).await, expected) {
                (Ok(()), Ok(())) => self.settle(),
                // Space for large values is taken before anything else is looked at.
                (Err(status), Err(code)) if status.code() == code || status.code() == Code::Nospace => {}
                // The store is full: nothing was done.
                (Err(status), Ok(())) if status.code() == Code::Nospace => {
                    let number = read_number(store, MARKERS, marker_object(0)).await?.unwrap_or(0);
                    assert_eq!(number, self.number.get(), "refused, and done all the same");
                    self.begun.take();
                }
                (Err(status), _) => return Err(status),
                (Ok(()), Err(code)) => panic!("done, but {code:?} was expected"),
            }
        }
        Ok(())
    }

    fn settle(&self) {
        if let Some(next) = self.begun.take() {
            self.known.replace(next);
            self.number.set(self.number.get() + 1);
        }
    }

    /// Compares what has survived with the model.
    pub async fn verify(&self, store: &Store) {
        let found = read_number(store, MARKERS, marker_object(0)).await.expect("readable").unwrap_or(0);
        let known = self.number.get();
        if found == known + 1 && self.begun.borrow().is_some() {
            self.settle();
        }
        assert_eq!(found, self.number.get(), "the last request known to be done was {known}");
        self.begun.take();
        let there = store.container_list().await.expect("list").contains(&CONTAINER);
        if there {
            let model = self.known.borrow().clone();
            check::check(store, &model, &Generator::new(found)).await;
        }
    }
}
