//! A profile without what nothing refers to.

use super::merge::add;
use super::{MergeError, MergeOptions, Profile};

/// The same profile with equal samples added up and without unreferenced strings, functions, locations and mappings.
/// Samples whose values are all zero stay.
///
/// # Errors
/// [`MergeError::TooLarge`] only.
pub fn compact(profile: &Profile) -> Result<Profile, MergeError> {
    add(
        &[profile],
        MergeOptions {
            drop_zero: false,
            zero_time_wins: false,
            outer_column_only: false,
        },
    )
}
