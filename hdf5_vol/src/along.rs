//! Files that were written through virtual datasets of another one: a flush of that one flushes them, too, as nobody may have them open else.

use crate::failure::{Failure, Minor, Result};
use crate::file::File;
use crate::hdf5::{Identifier, library};
use std::cell::RefCell;
use std::rc::Rc;

/// What a file has to take along when it is flushed.
#[derive(Default)]
pub struct Along {
    files: RefCell<Vec<Rc<File>>>,
    /// Datasets of HDF5's own files.
    datasets: RefCell<Vec<Rc<Identifier>>>,
}

fn add<T>(list: &RefCell<Vec<Rc<T>>>, new: &Rc<T>) {
    let mut list = list.borrow_mut();
    if !list.iter().any(|known| Rc::ptr_eq(known, new)) {
        list.push(Rc::clone(new));
    }
}

impl File {
    /// Takes another file along at the next flush.
    pub fn take_along(self: &Rc<Self>, other: &Rc<Self>) {
        if !Rc::ptr_eq(self, other) {
            add(&self.along.files, other);
        }
    }

    /// The same for a dataset of one of HDF5's own.
    pub fn take_along_below(&self, dataset: &Rc<Identifier>) {
        add(&self.along.datasets, dataset);
    }

    /// Flushes what was taken along. Two files may have been written through each other, so each is forgotten first; an error is kept for the next
    /// flush and close, like one of the file itself.
    pub fn flush_along(&self) -> Result<()> {
        let mut result = Ok(());
        for file in self.along.files.take() {
            result = result.and(file.flush());
        }
        for dataset in self.along.datasets.take() {
            // SAFETY: takes no pointer.
            if unsafe { library().dataset_flush(dataset.get()) } < 0 {
                let sentence = "HDF5 cannot flush a source of a virtual dataset";
                result = result.and(Err(Failure::new(Minor::WriteError, sentence)));
            }
        }
        result.inspect_err(|failure| self.note(failure))
    }
}
