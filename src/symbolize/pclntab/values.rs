//! PC-value tables: a run-length coding of "from this PC on the value is", as pairs of varints.

/// The value at `pc` of the table at `offset` in `bytes` of a function that starts at `entry`, with the first PC after
/// the run that holds it. `None` when there is no table, `pc` is past its end, or it is cut off.
pub(super) fn value_at(bytes: &[u8], offset: u32, entry: u64, pc: u64, quantum: u32) -> Option<i32> {
    if offset == 0 {
        return None;
    }
    let mut rest = bytes.get(offset as usize..)?.iter();
    let (mut value, mut end) = (-1_i32, entry);
    loop {
        let delta = varint(&mut rest)?;
        if delta == 0 && end != entry {
            return None;
        }
        value = value.wrapping_add((delta >> 1) as i32 ^ -((delta & 1) as i32));
        let step = varint(&mut rest)?.wrapping_mul(quantum);
        end = end.checked_add(u64::from(step))?;
        if pc < end {
            return Some(value);
        }
    }
}

/// Where the table ends: one past the last PC that it describes.
pub(super) fn table_end(bytes: &[u8], offset: u32, entry: u64, quantum: u32) -> Option<u64> {
    if offset == 0 {
        return None;
    }
    let mut rest = bytes.get(offset as usize..)?.iter();
    let mut end = entry;
    loop {
        let delta = varint(&mut rest)?;
        if delta == 0 && end != entry {
            return Some(end);
        }
        end = end.checked_add(u64::from(varint(&mut rest)?.wrapping_mul(quantum)))?;
    }
}

#[inline]
fn varint(bytes: &mut std::slice::Iter<'_, u8>) -> Option<u32> {
    let first = *bytes.next()?;
    if first & 0x80 == 0 {
        return Some(u32::from(first));
    }
    let mut value = u32::from(first & 0x7f);
    for shift in [7, 14, 21, 28] {
        let byte = *bytes.next()?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{table_end, value_at};

    #[test]
    fn runs_of_a_small_table() {
        // -1 + 2 = 1 for 3 bytes, 1 - 1 = 0 for 200 bytes, end.
        let table = [0, 4, 3, 1, 0xc8, 0x01, 0];
        let at = |pc| value_at(&table, 1, 100, pc, 1);
        assert_eq!(
            (at(100), at(102), at(103), at(302), at(303)),
            (Some(1), Some(1), Some(0), Some(0), None)
        );
        assert_eq!(table_end(&table, 1, 100, 1), Some(303));
        assert_eq!(value_at(&table, 0, 100, 100, 1), None, "offset 0 means no table");
        assert_eq!(value_at(&table[..5], 1, 100, 200, 1), None, "cut off");
    }

    #[test]
    fn a_table_of_empty_runs_ends() {
        assert_eq!(value_at(&[0; 64], 1, 0, 5, 1), None);
        assert_eq!(table_end(&[0; 64], 1, 0, 1), None);
    }
}
