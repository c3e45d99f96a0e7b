//! Boxes of a dataspace, each of which fits into memory.

/// Bytes of one box at most, unless an element has more.
const BYTES_MAX: u64 = 16 << 20;

/// Where boxes begin, and how large they are: together all elements, each once. A scalar is one box without dimensions.
pub fn boxes(dimensions: &[u64], element: u64) -> Vec<(Vec<u64>, Vec<u64>)> {
    boxes_of(dimensions, (BYTES_MAX / element.max(1)).max(1))
}

fn boxes_of(dimensions: &[u64], elements_max: u64) -> Vec<(Vec<u64>, Vec<u64>)> {
    let mut size = dimensions.to_vec();
    let mut below: u64 = 1;
    // The last dimensions whole, one of them in parts, and those before it one by one.
    for length in size.iter_mut().rev() {
        *length = (*length).min((elements_max / below).max(1));
        below = below.saturating_mul((*length).max(1));
    }
    let mut found = vec![(Vec::new(), Vec::new())];
    for (length, size) in dimensions.iter().zip(&size) {
        let starts = (0..*length).step_by(usize::try_from((*size).max(1)).unwrap_or(usize::MAX));
        found = found
            .into_iter()
            .flat_map(|(start, count): (Vec<u64>, Vec<u64>)| {
                starts.clone().map(move |first| {
                    let (mut start, mut count) = (start.clone(), count.clone());
                    start.push(first);
                    count.push((*size).min(length - first));
                    (start, count)
                })
            })
            .collect();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_have_each_element_once_and_are_not_too_large() {
        for (dimensions, most) in
            [(vec![], 5), (vec![7], 3), (vec![7], 100), (vec![3, 4, 5], 7), (vec![3, 4, 5], 20), (vec![2, 0], 4)]
        {
            let found = boxes_of(&dimensions, most);
            let total: u64 = found.iter().map(|(_, count)| count.iter().product::<u64>()).sum();
            assert_eq!(total, dimensions.iter().product::<u64>(), "{dimensions:?} {most}");
            for (number, (start, count)) in found.iter().enumerate() {
                assert!(count.iter().product::<u64>() <= most, "{dimensions:?} {most}");
                assert!(start.iter().zip(count).zip(&dimensions).all(|((start, count), all)| start + count <= *all));
                let is_apart = |(other, lengths): &(Vec<u64>, Vec<u64>)| {
                    (0..start.len()).any(|axis| {
                        other[axis] >= start[axis] + count[axis] || start[axis] >= other[axis] + lengths[axis]
                    })
                };
                assert!(found[..number].iter().all(is_apart), "{dimensions:?} {most}");
            }
        }
        assert_eq!(boxes_of(&[3, 4, 5], 20).len(), 3);
    }
}
