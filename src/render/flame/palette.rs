//! Colours of frames. What answers for work (the kubelet's own parts) is vivid, libraries are pale, the Go runtime and
//! what only calls others is nearly grey.
//!
//! Colours are made in OKLCH, where equal lightness looks equally light, so that text keeps its contrast on every hue: at
//! least 7:1 on both themes, which `tests/flame.rs` checks.

use crate::kubelet::Role;

/// A colour for each theme, `#rrggbb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::render) struct Colour {
    /// On white, under dark text.
    pub(in crate::render) light: String,
    /// On black, under light text.
    pub(in crate::render) dark: String,
}

/// The colour of a subsystem, by its place in the table of knowledge.
pub(in crate::render) fn of_subsystem(rank: u16, role: Role) -> Colour {
    match role {
        Role::Owner => hue(f64::from(rank), 0.115),
        Role::Boundary => hue(f64::from(rank), 0.085),
        Role::Library => hue(f64::from(rank), 0.04),
        Role::Runtime => hue(f64::from(rank), 0.016),
        Role::Start | Role::Wrapper => grey(0.0),
        Role::Plain => grey(0.025),
    }
}

/// The colour of a frame of which nothing is known.
pub(in crate::render) fn unknown() -> Colour {
    grey(0.05)
}

/// The colour of a package; neighbours in the alphabet differ.
pub(in crate::render) fn of_package(package: &str) -> Colour {
    if package.is_empty() {
        return unknown();
    }
    let hash = package.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    // Few of them, so that a page names a colour once and refers to it.
    hue((hash >> 20).rem_euclid(48) as f64, 0.085)
}

/// Neighbouring steps lie far apart on the circle.
fn hue(step: f64, chroma: f64) -> Colour {
    const GOLDEN: f64 = 137.507_764;
    let angle = (step * GOLDEN + 20.0) % 360.0;
    let shade = (step % 3.0) * 0.025;
    Colour {
        light: hex(0.80 + shade, chroma, angle),
        dark: hex(0.40 - shade, chroma * 0.8, angle),
    }
}

fn grey(shade: f64) -> Colour {
    Colour {
        light: hex(0.87 - shade, 0.006, 250.0),
        dark: hex(0.34 + shade, 0.006, 250.0),
    }
}

/// OKLCH to sRGB.
fn hex(lightness: f64, chroma: f64, angle: f64) -> String {
    let (b, a) = angle.to_radians().sin_cos();
    let (a, b) = (a * chroma, b * chroma);
    let cube = |v: f64| v * v * v;
    let l = cube(lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b);
    let m = cube(lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b);
    let s = cube(lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b);
    let channel = |linear: f64| {
        let linear = linear.clamp(0.0, 1.0);
        let v = if linear <= 0.003_130_8 {
            12.92 * linear
        } else {
            1.055 * linear.powf(1.0 / 2.4) - 0.055
        };
        (v * 255.0).round() as u8
    };
    format!(
        "#{:02x}{:02x}{:02x}",
        channel(4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s),
        channel(-1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s),
        channel(-0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s),
    )
}
