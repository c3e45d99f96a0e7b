//! In which order ranks write when some of them change the same chunks, so that none reads a chunk that another one is changing. Pure.

use std::collections::HashMap;

/// Gives each rank the number of a round, from zero on: ranks with a chunk in common have different ones, and others go at the same time.
pub fn rounds(chunks: &[Vec<&[u8]>]) -> Vec<usize> {
    let mut writers: HashMap<&[u8], Vec<usize>> = HashMap::new();
    let mut rounds = Vec::with_capacity(chunks.len());
    for (rank, own) in chunks.iter().enumerate() {
        let mut taken: Vec<usize> = Vec::new();
        for chunk in own {
            let writers = writers.entry(chunk).or_default();
            taken.extend(writers.iter().filter(|other| **other != rank).map(|other| rounds[*other]));
            if writers.last() != Some(&rank) {
                writers.push(rank);
            }
        }
        taken.sort_unstable();
        taken.dedup();
        // The first number that is not taken.
        let free = taken.iter().enumerate().find(|(place, round)| place != *round);
        rounds.push(free.map_or(taken.len(), |(place, _)| place));
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::rounds;

    #[test]
    fn neighbours_that_share_a_chunk_take_two_rounds_and_others_one() {
        let (a, b, c, d) = (b"a".as_slice(), b"b".as_slice(), b"c".as_slice(), b"d".as_slice());
        assert_eq!(rounds(&[vec![a], vec![b], vec![], vec![c]]), [0, 0, 0, 0]);
        assert_eq!(rounds(&[vec![a, b], vec![b, c], vec![c, d], vec![d]]), [0, 1, 0, 1]);
        assert_eq!(rounds(&[vec![a], vec![a], vec![a]]), [0, 1, 2]);
        assert_eq!(rounds(&[vec![a, a], vec![b], vec![b, a]]), [0, 0, 1]);
        assert!(rounds(&[]).is_empty());
    }

    #[test]
    fn whatever_ranks_write_no_two_with_a_chunk_in_common_go_at_the_same_time() {
        let names: Vec<[u8; 1]> = (0..6).map(|name| [name]).collect();
        let mut state = 1_u64;
        for _ in 0..2000 {
            let mut ranks: Vec<Vec<&[u8]>> = Vec::new();
            for _ in 0..5 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let bits = state >> 58;
                ranks.push((0..6).filter(|bit| bits >> bit & 1 == 1).map(|bit| names[bit].as_slice()).collect());
            }
            let rounds = rounds(&ranks);
            for one in 0..5 {
                for other in 0..one {
                    let is_shared = ranks[one].iter().any(|chunk| ranks[other].contains(chunk));
                    assert!(!is_shared || rounds[one] != rounds[other], "{ranks:?} {rounds:?}");
                }
            }
        }
    }
}
