//! Index newtypes: a `u32` each, so that the id of one table cannot be used in another.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        #[repr(transparent)]
        pub struct $name(u32);

        impl $name {
            /// The id of row `index`. Tables hold fewer than 2^32 rows; their builders refuse more.
            #[inline]
            pub fn new(index: usize) -> Self {
                debug_assert!(index <= u32::MAX as usize);
                Self(index as u32)
            }

            /// The row that this id stands for.
            #[inline]
            pub fn index(self) -> usize {
                self.0 as usize
            }

            /// The raw number.
            #[inline]
            pub fn raw(self) -> u32 {
                self.0
            }
        }
    };
}

id!(
    /// A text in [`StringTable`](super::StringTable); 0 is `""`.
    StringId
);
impl StringId {
    /// The id of `""` in every table.
    pub const EMPTY: StringId = StringId(0);

    /// Whether this is the id of `""`.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}
id!(
    /// A row of [`Profile::functions`](super::Profile::functions).
    FunctionId
);
id!(
    /// A row of [`Profile::locations`](super::Profile::locations).
    LocationId
);
id!(
    /// A row of [`Profile::mappings`](super::Profile::mappings).
    MappingId
);
id!(
    /// A row of [`Stacks`](super::Stacks).
    StackId
);
