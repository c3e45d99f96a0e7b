//! The one function that everything measured runs below, so that a profiler can tell it from the rest.

use daos_status::Result;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// The name that `callgrind --toggle-collect` looks for: see the benchmark's README.
#[inline(never)]
fn daos_bench_measured(work: Pin<&mut dyn Future<Output = Result<()>>>, context: &mut Context<'_>) -> Poll<Result<()>> {
    // What follows the call keeps it from being turned into a jump, which would leave the function before its work is done.
    std::hint::black_box(work.poll(context))
}

/// Runs work below that function; elsewhere when it is not what is to be counted.
pub async fn measured(is_counted: bool, work: impl Future<Output = Result<()>>) -> Result<()> {
    if !is_counted {
        return work.await;
    }
    let mut work = pin!(work);
    std::future::poll_fn(|context| daos_bench_measured(work.as_mut(), context)).await
}
