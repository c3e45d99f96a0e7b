//! A client that works without pause while its engines are killed, stopped and cut off: it keeps account of every answer, and
//! compares what it reads with what was acknowledged.

use crate::cluster::Cluster;
use crate::support::{LIMIT, wait_until};
use daos_client::key_value::KeyValue;
use daos_client::{
    Client, ClientSettings, Conditions, Container, ContainerFlags, ContainerProperties, Context, Destination,
    EngineLauncher, InsideEngine, ObjectFlags, Pool, PoolFlags, Source,
};
use daos_env::sync::join_all;
use daos_env::{Clock, Env, SystemClock};
use daos_status::{Code, Result, Status};
use daos_types::{Epoch, ObjectClass, ObjectId, Reference};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io::{BufRead, BufReader, PipeReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Tells the process that it is to work, and as whom.
const NAME: &str = "DAOS_SYSTEM_TEST_LOAD";
const POOL: &str = "DAOS_SYSTEM_TEST_POOL";
/// Tasks that change metadata, and tasks that write values. Each has containers, attributes and objects of its own.
const TASKS: (u64, u64) = (2, 4);
/// Objects of a task, and keys of each.
const OBJECTS: u64 = 8;
const KEYS: u64 = 32;
/// Every so many values one that does not fit a message.
const LARGE_EVERY: u64 = 16;
const VALUE_BYTES: (usize, usize) = (200, 40_000);

/// A working client, as its test sees it.
pub struct Load {
    child: Child,
    input: Option<ChildStdin>,
    counts: Arc<Counts>,
    results: Receiver<Value>,
}

#[derive(Default)]
struct Counts {
    metadata: AtomicU64,
    data: AtomicU64,
}

/// What a client has found.
#[derive(Debug)]
pub struct Outcome {
    /// Calls that were acknowledged: of metadata, of data.
    pub calls: [u64; 2],
    /// Sentences of the calls that failed, of metadata and of data, each once.
    pub failures: [Vec<String>; 2],
    /// How long the longest call took, of metadata and of data, in milliseconds.
    pub longest: [u64; 2],
    /// What was read and cannot be, or was acknowledged and is gone.
    pub wrong: Vec<String>,
}

impl Load {
    /// Makes a container in pool `tank`, and begins to work on a client's machine.
    pub fn start(cluster: &Cluster, machine: usize, name: &str) -> Load {
        Load::start_in(cluster, machine, "tank", name)
    }

    /// As [`Load::start`], in another pool.
    pub fn start_in(cluster: &Cluster, machine: usize, pool: &str, name: &str) -> Load {
        cluster.succeed("daos", &["cont", "create", pool, name]);
        let program = std::env::current_exe().expect("this program");
        let mut command = cluster.command_on(machine, &program, "load");
        command.args(["--ignored", "--exact", "load::works_as_a_client", "--nocapture"]);
        command.env(NAME, name).env(POOL, pool);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("runs");
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("a pipe"));
        let counts = Arc::<Counts>::default();
        let (sender, results) = channel();
        let theirs = counts.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(std::result::Result::ok) {
                let Some(text) = line.strip_prefix("LOAD ") else { continue };
                let value: Value = serde_json::from_str(text).expect("JSON");
                match (value["metadata"].as_u64(), value["data"].as_u64()) {
                    (Some(metadata), Some(data)) => {
                        theirs.metadata.store(metadata, Ordering::SeqCst);
                        theirs.data.store(data, Ordering::SeqCst);
                    }
                    // The test may not want to know.
                    _ => drop(sender.send(value)),
                }
            }
        });
        Load { child, input, counts, results }
    }

    /// Waits until so many more calls of metadata and of data were acknowledged.
    pub fn goes_on(&self, metadata: u64, data: u64) {
        let now = || (self.counts.metadata.load(Ordering::SeqCst), self.counts.data.load(Ordering::SeqCst));
        let before = now();
        wait_until("the client goes on", || now().0 >= before.0 + metadata && now().1 >= before.1 + data);
    }

    /// How many calls of data were acknowledged so far, as the client has said last.
    pub fn data(&self) -> u64 {
        self.counts.data.load(Ordering::SeqCst)
    }

    /// Lets the client finish what it has begun, read everything once more, and say what it has found.
    pub fn finish(mut self) -> Outcome {
        self.input = None;
        let value = self.results.recv_timeout(LIMIT).expect("the client says what it has found");
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let numbers = |value: &Value| [value[0].as_u64().unwrap_or(0), value[1].as_u64().unwrap_or(0)];
        let outcome = Outcome {
            calls: numbers(&value["calls"]),
            failures: [texts(&value["failures"][0]), texts(&value["failures"][1])],
            longest: numbers(&value["longest"]),
            wrong: texts(&value["wrong"]),
        };
        let Outcome { calls, longest, failures, .. } = &outcome;
        eprintln!("calls of metadata and data: {calls:?}, the longest: {longest:?} ms, failures: {failures:?}");
        outcome
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.child.kill();
        let _ours = self.child.wait();
    }
}

struct NoLauncher;

impl EngineLauncher for NoLauncher {
    fn launch_process(&self, _directory: &Path) -> Result<PipeReader> {
        Err(Status::new(Code::Nosys, "the system runs already"))
    }

    fn start_inside(&self, _directory: &Path, _env: &Env) -> Result<Box<dyn InsideEngine>> {
        Err(Status::new(Code::Nosys, "the system runs already"))
    }
}

/// In a process that a test has started: works until its standard input is closed.
#[test]
#[ignore = "a part of other tests, which start it as a process"]
fn works_as_a_client() {
    let (Ok(name), Ok(pool)) = (std::env::var(NAME), std::env::var(POOL)) else { return };
    let is_over = Arc::new(AtomicBool::new(false));
    let over = is_over.clone();
    std::thread::spawn(move || {
        let _end = std::io::stdin().read_to_end(&mut Vec::new());
        over.store(true, Ordering::SeqCst);
    });
    let settings = ClientSettings::from_environment().expect("settings");
    let context = Context::start(settings, Env::system(), Arc::new(NoLauncher)).expect("starts");
    let result = context.block_on(move |client| async move {
        let pool = Pool::connect(&client, &Reference::parse(&pool)?, PoolFlags::READ_WRITE).await?;
        let container = Container::open(&client, &pool, &Reference::parse(&name)?, ContainerFlags::READ_WRITE).await?;
        let book = Rc::<Book>::default();
        let worker = Worker { client, pool, container, book: book.clone(), name, is_over };
        worker.work().await;
        Ok::<Value, Status>(book.to_json())
    });
    let result = result.unwrap_or_else(|status| json!({ "wrong": [format!("could not begin: {status}")] }));
    say(&result);
    context.stop();
}

fn say(value: &Value) {
    let mut output = std::io::stdout().lock();
    // A test that has ended does not listen.
    let _nobody = writeln!(output, "\nLOAD {value}").and_then(|()| output.flush());
}

/// The two kinds of calls.
#[derive(Clone, Copy)]
enum Kind {
    Metadata,
    Data,
}

#[derive(Default)]
struct Account {
    calls: u64,
    longest: u64,
    failures: BTreeSet<String>,
}

#[derive(Default)]
struct Book {
    accounts: [RefCell<Account>; 2],
    wrong: RefCell<Vec<String>>,
    /// What other lines of the log are compared with.
    lock: Mutex<()>,
}

impl Book {
    /// Does a call, and notes what came of it.
    async fn call<T>(&self, kind: Kind, call: impl Future<Output = Result<T>>) -> Result<T> {
        let begin = SystemClock.monotonic();
        let result = call.await;
        let took = SystemClock.monotonic().saturating_sub(begin).as_millis() as u64;
        let mut account = self.accounts[kind as usize].borrow_mut();
        account.longest = account.longest.max(took);
        match &result {
            Ok(_) => account.calls += 1,
            Err(status) if account.failures.len() < 20 => drop(account.failures.insert(status.to_string())),
            Err(_) => {}
        }
        drop(account);
        let calls = |kind: Kind| self.accounts[kind as usize].borrow().calls;
        if matches!(kind, Kind::Metadata) || calls(Kind::Data) % 16 == 0 {
            let _one_at_a_time = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            say(&json!({ "metadata": calls(Kind::Metadata), "data": calls(Kind::Data) }));
        }
        result
    }

    fn wrong(&self, sentence: String) {
        let mut wrong = self.wrong.borrow_mut();
        if wrong.len() < 20 {
            wrong.push(sentence);
        }
    }

    fn to_json(&self) -> Value {
        let accounts = self.accounts.each_ref().map(|account| account.borrow());
        json!({
            "calls": accounts.each_ref().map(|account| account.calls),
            "longest": accounts.each_ref().map(|account| account.longest),
            "failures": accounts.each_ref().map(|account| account.failures.iter().collect::<Vec<_>>()),
            "wrong": *self.wrong.borrow(),
        })
    }
}

/// What is known of something that one task writes, with greater numbers each time.
#[derive(Clone, Copy, Default)]
struct Written {
    acknowledged: u64,
    attempted: u64,
}

impl Written {
    /// Whether this can be read now.
    fn allows(&self, found: u64) -> bool {
        (self.acknowledged..=self.attempted).contains(&found)
    }
}

struct Worker {
    client: Client,
    pool: Pool,
    container: Container,
    book: Rc<Book>,
    name: String,
    is_over: Arc<AtomicBool>,
}

impl Worker {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }

    async fn work(&self) {
        let (metadata, data) = TASKS;
        let tasks = (0..metadata + data).map(|task| async move {
            match task.checked_sub(metadata) {
                None => self.change_metadata(task).await,
                Some(task) => self.write_values(task).await,
            }
        });
        join_all(tasks).await;
    }

    /// Creates containers and destroys half of them; sets an attribute and reads it.
    async fn change_metadata(&self, task: u64) {
        let (client, pool, book) = (&self.client, &self.pool, &self.book);
        let attribute = format!("{}-{task}", self.name);
        let mut written = Written::default();
        // By label: whether it must be there; nothing where a call failed.
        let mut containers: BTreeMap<String, bool> = BTreeMap::new();
        for number in 1u64.. {
            if !self.goes_on() {
                break;
            }
            let label = format!("{}-{task}-{number}", self.name);
            let properties = ContainerProperties { label: label.clone(), ..ContainerProperties::default() };
            let created = book.call(Kind::Metadata, Container::create(client, pool, None, properties)).await;
            if created.is_ok() {
                containers.insert(label.clone(), true);
                if number % 4 != 0 {
                    let reference = Reference::parse(&label).expect("a label");
                    match book.call(Kind::Metadata, Container::destroy(client, pool, &reference, false)).await {
                        Ok(()) => containers.insert(label, false),
                        Err(_) => containers.remove(&label),
                    };
                }
            }
            written.attempted = number;
            let value = vec![(attribute.clone(), number.to_le_bytes().to_vec())];
            if book.call(Kind::Metadata, pool.set_attributes(client, value)).await.is_ok() {
                written.acknowledged = number;
            }
            self.check_attribute(&attribute, &written).await;
        }
        self.check_attribute(&attribute, &written).await;
        match book.call(Kind::Metadata, pool.list_containers(client)).await {
            Ok(list) => {
                let found: BTreeSet<String> = list.into_iter().map(|entry| entry.label).collect();
                for (label, is_there) in containers {
                    if found.contains(&label) != is_there {
                        book.wrong(format!("container {label} should be there: {is_there}"));
                    }
                }
            }
            Err(status) => book.wrong(format!("containers cannot be listed: {status}")),
        }
    }

    async fn check_attribute(&self, name: &str, written: &Written) {
        let read = self.pool.get_attributes(&self.client, vec![name.to_owned()]);
        let Ok(values) = self.book.call(Kind::Metadata, read).await else { return };
        let bytes = values.into_iter().next().flatten();
        let found = bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
        if !written.allows(found) {
            let Written { acknowledged, attempted } = written;
            self.book.wrong(format!("attribute {name} is {found}, not from {acknowledged} to {attempted}"));
        }
    }

    /// Writes values of growing numbers to keys of objects in all corners of the pool, and reads some of them.
    async fn write_values(&self, task: u64) {
        let open = |object: u64| {
            let id = KeyValue::generate_id(ObjectId { hi: 0, lo: task * OBJECTS + object + 1 }, ObjectClass::S1);
            KeyValue::open(&self.container, id, ObjectFlags::READ_WRITE).expect("opens")
        };
        let objects: Vec<KeyValue> = (0..OBJECTS).map(open).collect();
        let mut written: BTreeMap<(u64, u64), Written> = BTreeMap::new();
        for number in 1u64.. {
            if !self.goes_on() {
                break;
            }
            let place = (number % OBJECTS, number / OBJECTS % KEYS);
            let known = written.entry(place).or_default();
            known.attempted = number;
            let (key, value) = (key_of(place.1), Source::Owned(value(number)));
            let put = objects[place.0 as usize].put(&self.client, Conditions::NONE, key.as_bytes(), value);
            if self.book.call(Kind::Data, put).await.is_ok() {
                known.acknowledged = number;
            }
            let known = *known;
            if number % 3 == 0 {
                self.check_value(&objects, place, &known, false).await;
            }
        }
        for (place, known) in written {
            self.check_value(&objects, place, &known, true).await;
        }
    }

    async fn check_value(&self, objects: &[KeyValue], place: (u64, u64), known: &Written, must_answer: bool) {
        let destination = Destination::Owned(VALUE_BYTES.1 as u64);
        let key = key_of(place.1);
        let get =
            objects[place.0 as usize].get(&self.client, Epoch::MAX, Conditions::NONE, key.as_bytes(), destination);
        let found = match self.book.call(Kind::Data, get).await {
            Ok(found) => number_of(&found.bytes),
            Err(status) if must_answer => {
                return self.book.wrong(format!("{place:?} cannot be read in the end: {status}"));
            }
            Err(_) => return,
        };
        if found.is_none_or(|found| !known.allows(found)) {
            let Written { acknowledged, attempted } = known;
            self.book.wrong(format!("{place:?} is {found:?}, not from {acknowledged} to {attempted}"));
        }
    }
}

fn key_of(number: u64) -> String {
    format!("key {number}")
}

/// Bytes that begin with the number and depend on it.
fn value(number: u64) -> Vec<u8> {
    let length = if number.is_multiple_of(LARGE_EVERY) { VALUE_BYTES.1 } else { VALUE_BYTES.0 };
    let mut bytes = number.to_le_bytes().to_vec();
    bytes.extend((8..length as u64).map(|place| (number.wrapping_mul(31) ^ place) as u8));
    bytes
}

/// The number of a value, if that is what it is. Nothing at all is number 0.
fn number_of(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() {
        return Some(0);
    }
    let number = u64::from_le_bytes(*bytes.first_chunk()?);
    (bytes == value(number)).then_some(number)
}
