//! What the drawings of a flame graph share: colours, widths, words and escapes. The drawings themselves are
//! [`flame_html`](super::flame_html) and [`flame_svg`](super::flame_svg).

pub(super) mod escape;
pub(super) mod facts;
pub(super) mod palette;
pub(super) mod shape;
