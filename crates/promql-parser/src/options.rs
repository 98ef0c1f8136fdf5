/// What the parser accepts.
///
/// The default is that of a Prometheus 3.14 server without feature flags, with bounds on what a
/// query may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseOptions {
    /// Whether experimental functions and aggregations exist:
    /// `promql-experimental-functions`.
    pub experimental_functions: bool,
    /// Whether durations may be expressions: `[2 * step()]`.
    pub duration_expressions: bool,
    /// Whether `anchored` and `smoothed` exist: `promql-extended-range-selectors`.
    pub extended_range_selectors: bool,
    /// Whether `fill`, `fill_left` and `fill_right` exist: `promql-binop-fill-modifiers`.
    pub fill_modifiers: bool,
    /// How many brackets may be open at once. Chains of operators do not count.
    pub nesting_max: usize,
    /// How many bytes a query may have; at most 4 GiB.
    pub query_size_max: u32,
}

impl ParseOptions {
    /// The default of [`Self::nesting_max`].
    pub const NESTING_MAX: usize = 1_000;
    /// The default of [`Self::query_size_max`]: 128 KiB.
    pub const QUERY_SIZE_MAX: u32 = 128 * 1024;

    /// Returns options that accept every experimental part of the language.
    #[must_use]
    pub fn experimental() -> Self {
        Self {
            experimental_functions: true,
            extended_range_selectors: true,
            fill_modifiers: true,
            ..Self::default()
        }
    }
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self {
            experimental_functions: false,
            duration_expressions: true,
            extended_range_selectors: false,
            fill_modifiers: false,
            nesting_max: Self::NESTING_MAX,
            query_size_max: Self::QUERY_SIZE_MAX,
        }
    }
}
