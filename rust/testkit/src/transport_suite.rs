//! What every transport must do for endpoints.
//!
//! A transport's tests implement [`FabricUnderTest`] and run each of [`CASES`], most easily with
//! [`transport_suite!`](crate::transport_suite!).
#![allow(unsafe_code, reason = "memory is lent to peers as a client does")]
#![allow(clippy::unwrap_used, reason = "this is test code, which a panic ends")]

mod bounds;
mod bulk;
mod calls;
mod failures;
mod hostile;

use daos_env::{SeededRandom, Spawner};
use daos_rpc::{Address, Endpoint, EndpointSettings, Request, Transport};
use daos_status::Result;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

/// Long enough that only a hang reaches it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Short: for calls that nobody answers.
pub const IMPATIENCE: Duration = Duration::from_millis(50);

/// A boxed test.
pub type CaseFuture = Pin<Box<dyn Future<Output = ()>>>;

/// A fabric whose endpoints all run in one executor.
pub trait FabricUnderTest {
    /// Opens one more endpoint; all can reach each other.
    fn open(&self) -> Rc<dyn Transport>;

    /// The executor's spawner.
    fn spawner(&self) -> Spawner;

    /// Runs a case to its end.
    fn run(&self, case: CaseFuture);
}

/// What a case works with.
#[derive(Clone)]
pub struct Site {
    fabric: Rc<dyn FabricUnderTest>,
}

impl Site {
    /// A new endpoint with the usual settings.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint_with(EndpointSettings::default())
    }

    /// A new endpoint.
    pub fn endpoint_with(&self, settings: EndpointSettings) -> Endpoint {
        Endpoint::new(&self.fabric.spawner(), &SeededRandom::new(7), self.fabric.open(), settings)
    }

    /// A new endpoint that answers with what it is asked, and one to ask it.
    pub fn echo_pair(&self) -> (Endpoint, Endpoint) {
        let (client, server) = (self.endpoint(), self.endpoint());
        server.serve(echo);
        (client, server)
    }

    /// A transport without an endpoint.
    pub fn transport(&self) -> Rc<dyn Transport> {
        let transport = self.fabric.open();
        self.fabric.spawner().add_source(transport.clone());
        transport
    }

    /// Starts tasks.
    pub fn spawner(&self) -> Spawner {
        self.fabric.spawner()
    }
}

fn echo(request: Request) {
    let body = request.body().to_vec();
    request.reply(Ok(body));
}

/// Bytes that differ from place to place.
fn pattern(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|position| (position as u8).wrapping_mul(31).wrapping_add((position >> 8) as u8) ^ seed).collect()
}

/// Requests that a test answers when it likes.
type Held = Rc<RefCell<Vec<Request>>>;

fn hold(server: &Endpoint) -> Held {
    let held = Held::default();
    let keep = held.clone();
    server.serve(move |request| keep.borrow_mut().push(request));
    held
}

/// Lets everything run until the condition holds.
async fn until(site: &Site, mut condition: impl FnMut() -> bool) {
    let spawner = site.spawner();
    let deadline = spawner.clock().monotonic() + PATIENCE;
    while !condition() {
        assert!(spawner.clock().monotonic() < deadline, "what the case waits for does not happen");
        spawner.sleep(Duration::from_micros(100)).await;
    }
}

/// One case of the suite.
pub struct Case {
    /// Its name.
    pub name: &'static str,
    start: fn(Site) -> CaseFuture,
}

/// Runs a case by name on a fabric.
pub fn run(name: &str, fabric: Rc<dyn FabricUnderTest>) {
    let case = CASES.iter().find(|case| case.name == name).expect("the macro and the table name the same cases");
    let site = Site { fabric: fabric.clone() };
    fabric.run((case.start)(site));
}

macro_rules! cases {
    ($dollar:tt $($module:ident :: $name:ident,)*) => {
        /// Every case of the suite.
        pub const CASES: &[Case] =
            &[$(Case { name: stringify!($name), start: |site| Box::pin($module::$name(site)) }),*];

        /// Makes a test of each case: `transport_suite!(|| Rc::new(MyFabric::new()))`.
        #[macro_export]
        macro_rules! transport_suite {
            ($dollar make:expr) => {
                $(
                    #[test]
                    fn $name() {
                        $crate::transport_suite::run(stringify!($name), ($dollar make)());
                    }
                )*
            };
        }
    };
}

cases! { $
    calls::requests_carry_everything,
    calls::bodies_of_every_size_go_both_ways,
    calls::bodies_in_parts_are_whole,
    calls::calls_arrive_in_order,
    calls::many_calls_at_once_find_their_replies,
    calls::errors_come_back_with_their_sentence,
    calls::an_endpoint_can_call_itself,
    bulk::pull_and_push_move_every_size,
    bulk::offsets_are_respected,
    bulk::many_transfers_at_once,
    bulk::ranges_and_access_are_checked,
    bulk::memory_is_out_of_reach_after_its_registration,
    bounds::what_is_too_large_is_refused,
    bounds::calls_are_bounded,
    bounds::requests_are_bounded,
    bounds::peers_are_bounded,
    failures::a_dropped_request_is_answered,
    failures::a_time_out_ends_a_call_and_its_reply_is_dropped,
    failures::a_dropped_call_is_forgotten,
    failures::fail_peer_ends_its_calls_only,
    failures::a_peer_that_was_given_up_is_answered_when_it_asks,
    failures::a_closed_endpoint_ends_everything,
    failures::nobody_at_the_address_is_an_error,
    failures::a_peer_that_comes_back_elsewhere_is_reached,
    failures::a_timed_out_call_with_memory_leaves_the_peer_usable,
    failures::memory_of_a_timed_out_call_is_safe_among_others,
    failures::calls_go_on_when_their_connection_ended,
    failures::a_lost_call_is_noticed,
    hostile::unknown_operations_are_refused,
    hostile::malformed_messages_are_dropped_and_counted,
    hostile::another_version_is_refused_by_both_sides,
    hostile::requests_for_another_endpoint_are_refused,
    hostile::doubled_requests_are_served_once,
    hostile::stale_peers_are_errors,
}

type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Repeats an attempt until it succeeds: after a connection ended, a fabric may lose a message before it knows.
async fn until_reached(
    site: &Site,
    client: &Endpoint,
    server: &Address,
    attempt: impl Fn(Endpoint, Address) -> LocalFuture<'static, Result<()>>,
) {
    let deadline = site.spawner().clock().monotonic() + PATIENCE;
    while let Err(error) = attempt(client.clone(), server.clone()).await {
        assert!(site.spawner().clock().monotonic() < deadline, "{server} is not reached again: {error}");
        site.spawner().sleep(Duration::from_millis(1)).await;
    }
}

async fn until_echoed(site: &Site, client: &Endpoint, server: &Address) {
    until_reached(site, client, server, |client, server| {
        Box::pin(async move { client.call(&server, 1, Vec::new(), IMPATIENCE).await.map(|_| ()) })
    })
    .await;
}
