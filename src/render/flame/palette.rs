//! Colours of frames. The subsystems with the most area are vivid and can be told apart, others are pale, the Go runtime
//! and what only calls others is nearly grey.
//!
//! Colours are made in OKLCH, where equal lightness looks equally light, so that text keeps its contrast on every hue: at
//! least 7:1 on both themes, which `tests/flame.rs` checks.

use crate::analysis::Flame;
use crate::kubelet::Role;

/// A colour for each theme, `#rrggbb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::render) struct Colour {
    /// On white, under dark text.
    pub(in crate::render) light: String,
    /// On black, under light text.
    pub(in crate::render) dark: String,
}

/// Colours that can be told apart, also by people who see red and green alike: the least distance between two of them in
/// OKLab is 0.09 on white and 0.07 on black. Found by search over OKLCH at a contrast of at least 7:1 with text.
const DISTINCT: [(&str, &str); 12] = [
    ("#a7baff", "#212688"),
    ("#ef996c", "#4c1e01"),
    ("#43dd9a", "#04321e"),
    ("#c18ffc", "#361057"),
    ("#e2ca6a", "#463d13"),
    ("#6ab9c5", "#004048"),
    ("#fa7ba7", "#6b0035"),
    ("#baf1a0", "#2d5316"),
    ("#fcccf9", "#792f79"),
    ("#93e3d7", "#1f5851"),
    ("#fbb7b1", "#6a403d"),
    ("#e8a2e5", "#5e2c5d"),
];

/// The colours of subsystems (role, place in the table of knowledge, area): the largest of those that mean something get
/// the colours that can be told apart, the others are pale.
pub(in crate::render) fn assigned(subsystems: &[(Role, u16, f64)]) -> Vec<Colour> {
    let mut largest: Vec<usize> = (0..subsystems.len())
        .filter(|&s| matches!(subsystems[s].0, Role::Owner | Role::Boundary | Role::Library))
        .filter(|&s| subsystems[s].2 > 0.0)
        .collect();
    largest.sort_by(|&a, &b| {
        let (a, b) = (subsystems[a], subsystems[b]);
        b.2.total_cmp(&a.2).then(a.1.cmp(&b.1))
    });
    let place = |s: usize| largest.iter().take(DISTINCT.len()).position(|&l| l == s);
    let colour = |(s, &(role, rank, _)): (usize, &(Role, u16, f64))| match (place(s), role) {
        (Some(at), _) => {
            let (light, dark) = DISTINCT[at];
            Colour {
                light: light.to_owned(),
                dark: dark.to_owned(),
            }
        }
        (None, Role::Owner | Role::Boundary | Role::Library) => hue(f64::from(rank), 0.03),
        (None, Role::Runtime) => hue(f64::from(rank), 0.016),
        (None, Role::Start | Role::Wrapper) => grey(0.0),
        (None, Role::Plain) => grey(0.025),
    };
    subsystems.iter().enumerate().map(colour).collect()
}

/// The colours of the subsystems of one graph.
pub(in crate::render) fn subsystems(flame: &Flame) -> Vec<Colour> {
    let shares: Vec<(Role, u16, f64)> = (flame.subsystems.iter().zip(areas(flame)))
        .map(|(s, area)| (s.role, s.rank, area))
        .collect();
    assigned(&shares)
}

/// The colour of frames that only begin things, and of the rest.
pub(in crate::render) fn plain() -> Colour {
    grey(0.025)
}

/// The area of each subsystem of a graph: how much of the width its frames have, summed over all rows.
pub(in crate::render) fn areas(flame: &Flame) -> Vec<f64> {
    let mut areas = vec![0.0; flame.subsystems.len()];
    let weights = super::shape::weights(flame);
    let whole = weights.first().copied().unwrap_or(0.0);
    for (&name, weight) in flame.nodes.name.iter().zip(&weights).filter(|_| whole > 0.0) {
        if let Some(s) = flame.names[name as usize].subsystem {
            areas[usize::from(s)] += weight / whole;
        }
    }
    areas
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
