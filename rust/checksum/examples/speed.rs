//! Time per checksum: `cargo run --release -p daos-checksum --example speed`.

use daos_checksum::ChecksumKind;
use std::hint::black_box;

#[expect(clippy::disallowed_methods, reason = "a measurement outside of any engine")]
fn main() {
    let bytes: Vec<u8> = (0..1 << 20).map(|n: u32| (n.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    println!("{:>8} {:>9} {:>9} {:>9}", "kind", "bytes", "ns", "GB/s");
    for kind in ChecksumKind::ALL {
        for length in [8, 16, 64, 100, 192, 256, 1024, 4096, 32 << 10, 1 << 20] {
            // The best of many short batches: other work on the machine disturbs only some of them.
            let rounds = (64 << 10) / (length + 256) + 1;
            let batch = || {
                let started = std::time::Instant::now();
                for _ in 0..rounds {
                    black_box(kind.word(black_box(&bytes[..length])));
                }
                started.elapsed().as_nanos() as f64 / rounds as f64
            };
            let nanoseconds = (0..100).map(|_| batch()).fold(f64::MAX, f64::min);
            println!("{:>8} {length:>9} {nanoseconds:>9.1} {:>9.2}", kind.name(), length as f64 / nanoseconds);
        }
    }
}
