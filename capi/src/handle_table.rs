//! Handles: numbers that name what the library holds open.
//!
//! A cookie is a generation in its upper and a place in its lower half. A place gets a new generation when it is freed,
//! so that a closed handle is recognised for as long as a generation does not come round (2^32 uses of one place).

use std::sync::{Arc, Mutex, MutexGuard};

use daos_status::{Code, Result, fail};

use crate::abi::daos_handle_t;

/// The most handles that can be open at once.
pub const HANDLES_MAX: usize = 1 << 20;

/// What a handle stands for.
pub trait Handled: Sized + Send + Sync + 'static {
    /// The word for it in messages.
    const WORD: &'static str;
    /// Wraps it for the table.
    fn into_entry(value: Arc<Self>) -> Entry;
    /// Takes it from the table, if it is one.
    fn from_entry(entry: &Entry) -> Option<&Arc<Self>>;
}

macro_rules! entries {
    ($($variant:ident($type:ty) = $word:literal;)*) => {
        /// An entry of the table.
        pub enum Entry {
            $(#[doc = $word] $variant(Arc<$type>),)*
        }
        impl Entry {
            fn word(&self) -> &'static str {
                match self { $(Entry::$variant(_) => $word,)* }
            }
        }
        $(impl Handled for $type {
            const WORD: &'static str = $word;
            fn into_entry(value: Arc<Self>) -> Entry {
                Entry::$variant(value)
            }
            fn from_entry(entry: &Entry) -> Option<&Arc<Self>> {
                match entry {
                    Entry::$variant(value) => Some(value),
                    _ => None,
                }
            }
        })*
    };
}

entries! {
    Pool(crate::pool::OpenPool) = "pool";
    ClosedPool(crate::pool::ClosedPool) = "pool that was disconnected";
    Container(crate::container::OpenContainer) = "container";
    Object(crate::object::OpenObject) = "object";
    Table(crate::object_table::OpenTable) = "table of objects";
    KeyValue(crate::kv::OpenKeyValue) = "key-value object";
    Array(crate::array::OpenArray) = "array";
    EventQueue(crate::event_queue::EventQueue) = "event queue";
    Mount(crate::dfs::mounted::Mounted) = "file system";
    Node(crate::dfs::mounted::OpenNode) = "file or directory";
    PathMount(crate::dfs::mounted::PathMount) = "file system by paths";
    Filter(crate::dfs::filter::OpenFilter) = "filter of a listing";
    Transaction(crate::transaction::OpenTransaction) = "transaction";
    Listing(crate::dfs::mounted::OpenListing) = "directory listing";
}

struct Place {
    generation: u32,
    entry: Option<Entry>,
}

/// All handles.
pub(crate) struct Table {
    places: Vec<Place>,
    free: Vec<u32>,
}

static TABLE: Mutex<Table> = Mutex::new(Table { places: Vec::new(), free: Vec::new() });

/// The right to change them.
pub(crate) type TableGuard = MutexGuard<'static, Table>;

/// Takes the lock of the table.
pub(crate) fn table() -> TableGuard {
    crate::fork::take(&TABLE)
}

/// Gives out a handle.
pub fn insert<T: Handled>(value: T) -> Result<daos_handle_t> {
    let entry = T::into_entry(Arc::new(value));
    let mut table = table();
    let index = match table.free.pop() {
        Some(index) => index,
        None if table.places.len() < HANDLES_MAX => {
            table.places.push(Place { generation: 1, entry: None });
            (table.places.len() - 1) as u32
        }
        None => fail!(Code::Nomem, "{HANDLES_MAX} handles are open"),
    };
    let place = &mut table.places[index as usize];
    place.entry = Some(entry);
    // Place numbers start at one so that no cookie is zero.
    Ok(daos_handle_t { cookie: u64::from(place.generation) << 32 | u64::from(index + 1) })
}

/// What a handle stands for.
pub fn get<T: Handled>(handle: daos_handle_t) -> Result<Arc<T>> {
    let mut table = table();
    Ok(Arc::clone(find::<T>(&mut table, handle)?.1))
}

/// Takes a handle back and gives what it stood for; it is unknown from now on.
pub fn remove<T: Handled>(handle: daos_handle_t) -> Result<Arc<T>> {
    let mut table = table();
    let (index, value) = find::<T>(&mut table, handle)?;
    let value = Arc::clone(value);
    let place = &mut table.places[index as usize];
    place.entry = None;
    place.generation = place.generation.wrapping_add(1).max(1);
    table.free.push(index);
    Ok(value)
}

/// Takes back every handle: the library was finalised. What was open may do work when it goes: let it go without locks.
#[must_use = "what was open goes with it"]
pub fn take_all() -> impl Sized {
    let mut table = table();
    let mut freed = Vec::new();
    for (index, place) in table.places.iter_mut().enumerate() {
        if let Some(entry) = place.entry.take() {
            place.generation = place.generation.wrapping_add(1).max(1);
            freed.push((index as u32, entry));
        }
    }
    table.free.extend(freed.iter().map(|(index, _)| *index));
    freed
}

fn find<T: Handled>(table: &mut Table, handle: daos_handle_t) -> Result<(u32, &Arc<T>)> {
    let (generation, number) = ((handle.cookie >> 32) as u32, handle.cookie as u32);
    let place = number.checked_sub(1).and_then(|index| Some((index, table.places.get(index as usize)?)));
    let entry = match place {
        Some((index, place)) if place.generation == generation => place.entry.as_ref().map(|entry| (index, entry)),
        _ => None,
    };
    let Some((index, entry)) = entry else {
        fail!(Code::NoHdl, "{:#x} is not an open {} handle", handle.cookie, T::WORD);
    };
    match T::from_entry(entry) {
        Some(value) => Ok((index, value)),
        None => fail!(Code::NoHdl, "handle {:#x} is of a {}, not of a {}", handle.cookie, entry.word(), T::WORD),
    }
}
