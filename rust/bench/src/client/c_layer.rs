//! What the C API adds to a call of the client: the same operations through both, in one process and on one context, turn
//! by turn, so that whatever else the machine does slows down the one as it does the other.
//!
//! A process of its own does it, with the engine on threads beside: the library takes its settings from the environment.

use super::container_of;
use crate::measure::{Figures, Plan, Watch};
use crate::report::{Case, Limit, Report};
use daos::abi::{
    DAOS_COO_RW, DAOS_IOD_SINGLE, DAOS_OO_RW, DAOS_PC_RW, d_iov_t, d_sg_list_t, daos_handle_t, daos_iod_t,
    daos_obj_id_t,
};
use daos::{container, kv, library, object, object_io, pool, process};
use daos_client::key_value::KeyValue;
use daos_client::{
    AkeyFetch, AkeyUpdate, Client, Conditions, Container, ContainerFlags, ContainerProperties, Context, Destination,
    FetchKind, Object, ObjectFlags, Pool, PoolFlags, ScatterList, Source, UpdateValue,
};
use daos_status::{Code, Result, Status, fail};
use daos_types::{Epoch, Key, ObjectClass, ObjectId, ObjectType, Reference};
use std::ffi::CStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::ptr::null_mut;
use std::sync::Arc;

/// The word that makes this program the process that measures; the number of calls and of repetitions follow.
const WORK: &str = "work-on-c-layer";

/// Bytes of each value.
pub const SIZE: usize = 64;

/// What the C layer may add to a call (issue 5), in nanoseconds.
const ADDED_MAX: f64 = 200.0;

/// Calls of each kind in a millisecond of a repetition's time; a call takes some ten microseconds.
const CALLS_PER_MILLISECOND: u128 = 40;
/// So many calls at least, so that there is a median.
const CALLS_MIN: u128 = 50;

/// The operations, and how their rows are called: by the client, and by C.
const ROWS: [(Operation, &str, &str); 3] = [
    (Operation::Update, "update, Rust", "update, C"),
    (Operation::Fetch, "fetch, Rust", "fetch, C"),
    (Operation::Get, "value get, Rust", "value get, C"),
];

const POOL: &CStr = c"ram";
const CONTAINER: &CStr = c"layers";
const KEY: &CStr = c"k";

#[derive(Clone, Copy, PartialEq)]
enum Operation {
    Update,
    Fetch,
    Get,
}

/// Measures for another process, when the command line says so.
pub fn work_if_asked() -> Option<Result<()>> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != WORK {
        return None;
    }
    let calls = arguments.next()?.parse().ok()?;
    let repetitions = arguments.next()?.parse().ok()?;
    Some(work(calls, repetitions))
}

/// Runs the cases.
pub fn run(plan: &Plan, directory: &Path, report: &mut Report) -> Result<()> {
    let place = std::path::absolute(directory)?.join(format!("engine-c-layer-{}", std::process::id()));
    let calls = (plan.slice.as_millis() * CALLS_PER_MILLISECOND).max(CALLS_MIN);
    let output = Command::new(std::env::current_exe()?)
        .args([WORK, &calls.to_string(), &plan.repetitions.to_string()])
        .env("DAOS_LOCAL_PATH", &place)
        .env("DAOS_LOCAL_MODE", "inside")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    std::fs::remove_dir_all(&place)?;
    if !output.status.success() {
        fail!(Code::Misc, "the process that measures the C layer ended with {}", output.status);
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for (row, (_, rust, c)) in ROWS.iter().enumerate() {
        let all: Vec<Vec<f64>> = text.lines().filter_map(|line| numbers(line, row)).collect();
        let column = |index: usize| Figures::of(all.iter().filter_map(|numbers| numbers.get(index).copied()).collect());
        let (by_rust, by_c, added) = (column(0), column(1), column(2));
        let case = Case {
            bench: "client",
            size: SIZE as u64,
            class: Some("ram"),
            transport: Some("in_process"),
            depth: 1,
            checksum: Some("crc64"),
            unit: "us",
            ..Case::default()
        };
        report.add(Case { case: rust, ..case }, by_rust, None);
        let limit = Limit { name: "Rust + 0.2", value: by_rust.median + ADDED_MAX / 1e3 };
        report.add(Case { case: c, ..case }, by_c, Some(limit));
        report.note(&format!(
            "{c}: the C layer adds {:.0} ns to a call (median of {} repetitions, {:.0} to {:.0}), {:.2} of the {ADDED_MAX:.0} allowed",
            added.median * 1e3,
            all.len(),
            added.min * 1e3,
            added.max * 1e3,
            added.median * 1e3 / ADDED_MAX,
        ));
    }
    Ok(())
}

/// The numbers of a line, if it is about this row.
fn numbers(line: &str, row: usize) -> Option<Vec<f64>> {
    let mut words = line.split(' ');
    (words.next()?.parse() == Ok(row)).then(|| words.filter_map(|word| word.parse().ok()).collect())
}

fn check(what: &str, number: i32) -> Result<()> {
    match number {
        0 => Ok(()),
        _ => Err(Status::new(Code::Misc, format!("{what} gave {number}"))),
    }
}

fn work(calls: u64, repetitions: u64) -> Result<()> {
    // SAFETY: there is no pointer.
    check("daos_init", unsafe { library::daos_init() })?;
    let context = process::context()?;
    let by_c = ByC::open(&context)?;
    let by_rust = ByRust::open(&context)?;
    let mut value = vec![7u8; SIZE];
    for _ in 0..repetitions {
        for (row, (operation, _, _)) in ROWS.iter().enumerate() {
            let mut times = [Vec::with_capacity(calls as usize), Vec::with_capacity(calls as usize)];
            for call in 0..calls {
                let place = call % 64;
                let watch = Watch::start();
                by_rust.call(&context, *operation, place, &mut value)?;
                times[0].push(watch.elapsed().as_nanos() as f64 / 1e3);
                let watch = Watch::start();
                by_c.call(*operation, place, &mut value)?;
                times[1].push(watch.elapsed().as_nanos() as f64 / 1e3);
            }
            let [rust, c] = times.map(|times| Figures::of(times).median);
            println!("{row} {rust} {c} {}", c - rust);
        }
    }
    drop(by_rust);
    drop(context);
    // SAFETY: there is no pointer.
    check("daos_fini", unsafe { library::daos_fini() })
}

fn object_id(number: u64, kind: ObjectType) -> ObjectId {
    ObjectId::generate(ObjectId { hi: 0, lo: number }, kind, ObjectClass::S1)
}

/// The handles, as C programs have them.
struct ByC {
    object: daos_handle_t,
    values: daos_handle_t,
}

impl ByC {
    fn open(context: &Context) -> Result<ByC> {
        // It makes the pool.
        context.block_on(|client| async move {
            container_of(&client, "ram", ContainerProperties::default()).await?.close(&client).await
        })?;
        let none = daos_handle_t { cookie: 0 };
        let (mut pool, mut container, mut object, mut values) = (none, none, none, none);
        let id = |id: ObjectId| daos_obj_id_t { lo: id.lo, hi: id.hi };
        // SAFETY: every pointer is to what the function documents, or NULL where that is allowed.
        unsafe {
            let connected =
                pool::daos_pool_connect2(POOL.as_ptr(), null_mut(), DAOS_PC_RW, &mut pool, null_mut(), null_mut());
            check("daos_pool_connect", connected)?;
            let label = CONTAINER.as_ptr();
            let made = container::daos_cont_create_with_label(pool, label, null_mut(), null_mut(), null_mut());
            check("daos_cont_create_with_label", made)?;
            let opened = container::daos_cont_open2(pool, label, DAOS_COO_RW, &mut container, null_mut(), null_mut());
            check("daos_cont_open", opened)?;
            let first = id(object_id(1, ObjectType::MULTI_HASHED));
            check("daos_obj_open", object::daos_obj_open(container, first, DAOS_OO_RW, &mut object, null_mut()))?;
            let second = id(KeyValue::generate_id(ObjectId { hi: 0, lo: 2 }, ObjectClass::S1));
            check("daos_kv_open", kv::daos_kv_open(container, second, DAOS_OO_RW, &mut values, null_mut()))?;
            let value = [7u8; SIZE];
            let put = kv::daos_kv_put(values, none, 0, KEY.as_ptr(), SIZE as u64, value.as_ptr().cast(), null_mut());
            check("daos_kv_put", put)?;
        }
        Ok(ByC { object, values })
    }

    /// One call, with all that a program fills in for it.
    fn call(&self, operation: Operation, place: u64, value: &mut [u8]) -> Result<()> {
        let none = daos_handle_t { cookie: 0 };
        let mut dkey_bytes = place.to_be_bytes();
        let mut akey_bytes = *b"v";
        let iov = |bytes: &mut [u8]| d_iov_t {
            iov_buf: bytes.as_mut_ptr().cast(),
            iov_buf_len: bytes.len(),
            iov_len: bytes.len(),
        };
        if operation == Operation::Get {
            let mut size = value.len() as u64;
            // SAFETY: the key is a text, the buffer as long as its size says.
            let got = unsafe {
                let buffer = value.as_mut_ptr().cast();
                kv::daos_kv_get(self.values, none, 0, KEY.as_ptr(), &mut size, buffer, null_mut())
            };
            return check("daos_kv_get", got);
        }
        let mut dkey = iov(&mut dkey_bytes);
        let mut pieces = iov(value);
        let mut list = d_sg_list_t { sg_nr: 1, sg_nr_out: 0, sg_iovs: &mut pieces };
        let mut iod = daos_iod_t {
            iod_name: iov(&mut akey_bytes),
            iod_type: DAOS_IOD_SINGLE,
            iod_size: SIZE as u64,
            iod_flags: 0,
            iod_nr: 1,
            iod_recxs: null_mut(),
        };
        let (oh, dkey, iod, list) = (self.object, &raw mut dkey, &raw mut iod, &raw mut list);
        // SAFETY: all of it lives until the call has ended, since there is no event.
        let number = unsafe {
            match operation {
                Operation::Update => object_io::daos_obj_update(oh, none, 0, dkey, 1, iod, list, null_mut()),
                _ => object_io::daos_obj_fetch(oh, none, 0, dkey, 1, iod, list, null_mut(), null_mut()),
            }
        };
        check("daos_obj_update or daos_obj_fetch", number)
    }
}

/// The same of the client.
struct ByRust {
    object: Arc<Object>,
    values: Arc<KeyValue>,
}

impl ByRust {
    fn open(context: &Context) -> Result<ByRust> {
        let container = context.block_on(|client| async move { open_container(&client).await })?;
        let flags = ObjectFlags::READ_WRITE;
        let object = Object::open(&container, object_id(1, ObjectType::MULTI_HASHED), flags)?;
        let second = KeyValue::generate_id(ObjectId { hi: 0, lo: 2 }, ObjectClass::S1);
        let values = KeyValue::open(&container, second, flags)?;
        Ok(ByRust { object: Arc::new(object), values: Arc::new(values) })
    }

    /// One call, by a thread that waits for it.
    fn call(&self, context: &Context, operation: Operation, place: u64, value: &mut [u8]) -> Result<()> {
        // SAFETY: the bytes outlive the call, which ends below, and nobody else uses them.
        let memory = unsafe { ScatterList::new(vec![(value.as_mut_ptr(), value.len())]) };
        if operation == Operation::Get {
            let values = Arc::clone(&self.values);
            let key = KEY.to_bytes().to_vec();
            return context.block_on(move |client| async move {
                let destination = Destination::Memory(memory);
                std::hint::black_box(values.get(&client, Epoch::MAX, Conditions::NONE, &key, destination).await?);
                Ok(())
            });
        }
        let object = Arc::clone(&self.object);
        let (dkey, akey) = (Key::new(&place.to_be_bytes())?, Key::new(b"v")?);
        context.block_on(move |client| async move {
            if operation == Operation::Update {
                let value = UpdateValue::Single(Source::Memory(memory));
                return object.update(&client, Conditions::NONE, dkey, vec![AkeyUpdate { akey, value }]).await;
            }
            let destination = Some(Destination::Memory(memory));
            let akeys = vec![AkeyFetch { akey, kind: FetchKind::Single, destination }];
            std::hint::black_box(object.fetch(&client, Epoch::MAX, Conditions::NONE, dkey, akeys).await?);
            Ok(())
        })
    }
}

async fn open_container(client: &Client) -> Result<Container> {
    let label = |name: &CStr| Reference::parse(&name.to_string_lossy());
    let pool = Pool::connect(client, &label(POOL)?, PoolFlags::READ_WRITE).await?;
    Container::open(client, &pool, &label(CONTAINER)?, ContainerFlags::READ_WRITE).await
}
