//! The functions of PromQL and their types.

use crate::value_type::ValueType::{self, Matrix, Scalar, String, Vector};

/// A function that expressions may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// The name, which is case-sensitive.
    pub name: &'static str,
    /// The type of each argument. Where arguments repeat, the last type is that of the repetitions.
    pub arg_types: &'static [ValueType],
    /// How the number of arguments may vary: `0` not at all; otherwise the last of `arg_types` may
    /// be left out, and stands for up to `variadic` arguments, or for any number where it is `-1`.
    pub variadic: i8,
    /// What a call evaluates to.
    pub return_type: ValueType,
    /// Whether [`ParseOptions`](crate::ParseOptions) must enable the function.
    pub experimental: bool,
}

impl Function {
    /// Returns the function of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        // As a rule the first place has the function, or nothing.
        let first = hash(name.as_bytes());
        (first..first + PLACES)
            .map_while(|place| BY_HASH[place % PLACES])
            .find(|function| function.name == name)
    }

    /// Returns the fewest arguments that a call takes.
    #[must_use]
    pub fn args_min(&self) -> usize {
        self.arg_types.len() - usize::from(self.variadic != 0)
    }

    /// Returns the most arguments that a call takes, or `None` where there is no limit.
    #[must_use]
    pub fn args_max(&self) -> Option<usize> {
        let repetitions = usize::try_from(self.variadic).ok()?;
        Some(self.args_min() + repetitions)
    }

    /// Returns the type of the argument at `index`, or `None` where a call has no such argument.
    #[must_use]
    pub fn arg_type(&self, index: usize) -> Option<ValueType> {
        let last = if self.variadic == 0 { None } else { self.arg_types.last() };
        self.arg_types.get(index).or(last).copied()
    }

    const fn optional(mut self, most: i8) -> Self {
        self.variadic = most;
        self
    }

    const fn repeating(mut self) -> Self {
        self.variadic = -1;
        self
    }

    const fn experimental(mut self) -> Self {
        self.experimental = true;
        self
    }
}

const fn function(
    name: &'static str,
    arg_types: &'static [ValueType],
    return_type: ValueType,
) -> Function {
    Function { name, arg_types, variadic: 0, return_type, experimental: false }
}

/// Returns the place in [`BY_HASH`] where the search for a name starts.
///
/// Length, ends and middle tell most functions apart; the factors were found by trying.
const fn hash(name: &[u8]) -> usize {
    let [first, .., last] = name else { return 0 };
    let letters = [*first as usize, name[name.len() / 2] as usize, *last as usize];
    (4 * name.len() + 48 * letters[0] + 55 * letters[1] + 46 * letters[2]) % PLACES
}

/// Each function at its hash, or in the next free place behind it.
static BY_HASH: [Option<&Function>; PLACES] = {
    let mut table: [Option<&Function>; PLACES] = [None; PLACES];
    let mut index = 0;
    while index < FUNCTIONS.len() {
        let function = &FUNCTIONS[index];
        let mut place = hash(function.name.as_bytes());
        while table[place].is_some() {
            place = (place + 1) % PLACES;
        }
        table[place] = Some(function);
        index += 1;
    }
    table
};

/// So many that most are free, which ends a search.
const PLACES: usize = 256;

/// Every function, sorted by name.
pub static FUNCTIONS: [Function; 90] = [
    function("abs", &[Vector], Vector),
    function("absent", &[Vector], Vector),
    function("absent_over_time", &[Matrix], Vector),
    function("acos", &[Vector], Vector),
    function("acosh", &[Vector], Vector),
    function("asin", &[Vector], Vector),
    function("asinh", &[Vector], Vector),
    function("atan", &[Vector], Vector),
    function("atanh", &[Vector], Vector),
    function("avg_over_time", &[Matrix], Vector),
    function("ceil", &[Vector], Vector),
    function("changes", &[Matrix], Vector),
    function("clamp", &[Vector, Scalar, Scalar], Vector),
    function("clamp_max", &[Vector, Scalar], Vector),
    function("clamp_min", &[Vector, Scalar], Vector),
    function("cos", &[Vector], Vector),
    function("cosh", &[Vector], Vector),
    function("count_over_time", &[Matrix], Vector),
    function("day_of_month", &[Vector], Vector).optional(1),
    function("day_of_week", &[Vector], Vector).optional(1),
    function("day_of_year", &[Vector], Vector).optional(1),
    function("days_in_month", &[Vector], Vector).optional(1),
    function("deg", &[Vector], Vector),
    function("delta", &[Matrix], Vector),
    function("deriv", &[Matrix], Vector),
    function("double_exponential_smoothing", &[Matrix, Scalar, Scalar], Vector).experimental(),
    function("end", &[], Scalar).experimental(),
    function("exp", &[Vector], Vector),
    function("first_over_time", &[Matrix], Vector),
    function("floor", &[Vector], Vector),
    function("histogram_avg", &[Vector], Vector),
    function("histogram_count", &[Vector], Vector),
    function("histogram_fraction", &[Scalar, Scalar, Vector], Vector),
    function("histogram_quantile", &[Scalar, Vector], Vector),
    function("histogram_quantiles", &[Vector, String, Scalar, Scalar], Vector)
        .optional(9)
        .experimental(),
    function("histogram_stddev", &[Vector], Vector),
    function("histogram_stdvar", &[Vector], Vector),
    function("histogram_sum", &[Vector], Vector),
    function("hour", &[Vector], Vector).optional(1),
    function("idelta", &[Matrix], Vector),
    function("increase", &[Matrix], Vector),
    function("info", &[Vector, Vector], Vector).optional(1).experimental(),
    function("irate", &[Matrix], Vector),
    function("label_join", &[Vector, String, String, String], Vector).repeating(),
    function("label_replace", &[Vector, String, String, String, String], Vector),
    function("last_over_time", &[Matrix], Vector),
    function("ln", &[Vector], Vector),
    function("log10", &[Vector], Vector),
    function("log2", &[Vector], Vector),
    function("mad_over_time", &[Matrix], Vector).experimental(),
    function("max_of", &[Scalar, Scalar], Scalar).experimental(),
    function("max_over_time", &[Matrix], Vector),
    function("min_of", &[Scalar, Scalar], Scalar).experimental(),
    function("min_over_time", &[Matrix], Vector),
    function("minute", &[Vector], Vector).optional(1),
    function("month", &[Vector], Vector).optional(1),
    function("pi", &[], Scalar),
    function("predict_linear", &[Matrix, Scalar], Vector),
    function("present_over_time", &[Matrix], Vector),
    function("quantile_over_time", &[Scalar, Matrix], Vector),
    function("rad", &[Vector], Vector),
    function("range", &[], Scalar).experimental(),
    function("rate", &[Matrix], Vector),
    function("resets", &[Matrix], Vector),
    function("round", &[Vector, Scalar], Vector).optional(1),
    function("scalar", &[Vector], Scalar),
    function("sgn", &[Vector], Vector),
    function("sin", &[Vector], Vector),
    function("sinh", &[Vector], Vector),
    function("sort", &[Vector], Vector),
    function("sort_by_label", &[Vector, String], Vector).repeating().experimental(),
    function("sort_by_label_desc", &[Vector, String], Vector).repeating().experimental(),
    function("sort_desc", &[Vector], Vector),
    function("sqrt", &[Vector], Vector),
    function("start", &[], Scalar).experimental(),
    function("start_timestamp", &[Vector], Vector).experimental(),
    function("stddev_over_time", &[Matrix], Vector),
    function("stdvar_over_time", &[Matrix], Vector),
    function("step", &[], Scalar).experimental(),
    function("sum_over_time", &[Matrix], Vector),
    function("tan", &[Vector], Vector),
    function("tanh", &[Vector], Vector),
    function("time", &[], Scalar),
    function("timestamp", &[Vector], Vector),
    function("ts_of_first_over_time", &[Matrix], Vector).experimental(),
    function("ts_of_last_over_time", &[Matrix], Vector).experimental(),
    function("ts_of_max_over_time", &[Matrix], Vector).experimental(),
    function("ts_of_min_over_time", &[Matrix], Vector).experimental(),
    function("vector", &[Scalar], Vector),
    function("year", &[Vector], Vector).optional(1),
];

#[cfg(test)]
mod tests {
    use super::{FUNCTIONS, Function};

    #[test]
    fn every_function_is_found_by_its_name() {
        assert!(FUNCTIONS.is_sorted_by_key(|function| function.name));
        for function in &FUNCTIONS {
            assert_eq!(Function::by_name(function.name), Some(function));
        }
        assert_eq!(Function::by_name("Rate"), None);
    }

    #[test]
    fn counts_of_arguments() {
        let check = |name: &str| {
            let function = Function::by_name(name).unwrap();
            (function.args_min(), function.args_max())
        };
        assert_eq!(check("pi"), (0, Some(0)));
        assert_eq!(check("rate"), (1, Some(1)));
        assert_eq!(check("round"), (1, Some(2)));
        assert_eq!(check("label_join"), (3, None));
        assert_eq!(check("histogram_quantiles"), (3, Some(12)));
    }
}
