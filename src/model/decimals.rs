//! Numbers with a fixed number of decimals, to the digit what `format!("{v:.2}")` writes, several times faster.
//!
//! Rounding is that of the exact binary value. A scaled value that is not close to a tie rounds the same way; close ones
//! take the standard library's way.

/// Appends `v` with so many decimals.
pub(super) fn fixed(v: f64, decimals: usize, out: &mut String) {
    const POWERS: [u64; 6] = [1, 10, 100, 1_000, 10_000, 100_000];
    if let Some(&power) = POWERS.get(decimals) {
        let scaled = v.abs() * power as f64;
        if scaled < 1e15 {
            let whole = scaled.floor();
            let fraction = scaled - whole;
            // One multiplication is off by half a unit in the last place at most; this is four times that.
            if (fraction - 0.5).abs() > scaled * f64::EPSILON {
                let n = whole as u64 + u64::from(fraction > 0.5);
                if v.is_sign_negative() {
                    out.push('-');
                }
                out.push_str(itoa::Buffer::new().format(n / power));
                if decimals > 0 {
                    out.push('.');
                    let mut digits = [b'0'; 5];
                    let mut rest = n % power;
                    for digit in digits[..decimals].iter_mut().rev() {
                        *digit = b'0' + (rest % 10) as u8;
                        rest /= 10;
                    }
                    out.extend(digits[..decimals].iter().map(|&d| char::from(d)));
                }
                return;
            }
        }
    }
    use std::fmt::Write;
    // Writing to a text cannot fail.
    let _ = write!(out, "{v:.decimals$}");
}

#[cfg(test)]
mod tests {
    use super::fixed;
    use proptest::prelude::*;

    fn check(v: f64) {
        for decimals in 0..7 {
            let mut text = String::new();
            fixed(v, decimals, &mut text);
            assert_eq!(text, format!("{v:.decimals$}"), "{v:e}");
        }
    }

    #[test]
    fn ties_and_edges() {
        for v in [
            0.0,
            -0.0,
            0.005,
            0.015,
            1.005,
            2.675,
            0.125,
            0.5,
            1.5,
            2.5,
            99.995,
            1e15,
            1e300,
            f64::MIN_POSITIVE,
        ] {
            check(v);
            check(-v);
        }
        for n in 0..200_000 {
            check(f64::from(n) / 1000.0);
        }
        check(f64::NAN);
        check(f64::INFINITY);
    }

    proptest! {
        #[test]
        fn as_the_standard_library(v in any::<f64>(), small in -1e6..1e6) {
            check(v);
            check(small);
        }

        #[test]
        fn quotients(a in any::<u32>(), b in 1u32..) {
            check(f64::from(a) / f64::from(b));
        }
    }
}
