//! The lists of discoveries that a section of a file may have.

use narthex_yaml::Position;

use super::DiscoveryConfig;
use crate::error::{ConfigProblem, Flaw};
use crate::file::List;

/// A service discovery as a file writes it.
pub(crate) trait DiscoverySection {
    /// Returns what holds: defaults filled in, and checked. The section stands at `position`.
    fn resolve(self, position: Position) -> Result<DiscoveryConfig, Flaw>;
}

/// Returns what a list of sections of one kind comes to. `element` names one of them.
pub(crate) fn resolve<T: DiscoverySection>(
    list: List<T>,
    element: &'static str,
) -> Result<Vec<DiscoveryConfig>, Flaw> {
    let mut configs = Vec::with_capacity(list.len());
    for section in list {
        let position = section.position;
        let Some(section) = section.value else {
            return Err(Flaw::new(position, ConfigProblem::NullElement { element }));
        };
        configs.push(section.resolve(position)?);
    }
    Ok(configs)
}

/// Adds the keys of all kinds of discovery to a section's struct, and a method `discovery` that takes
/// what they hold, in order of the keys. Plain fields, not a flattened struct: with one, serde could
/// neither refuse unknown keys nor keep positions.
macro_rules! discovering {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($own:tt)* }) => {
        $crate::discovery::discovering! {
            @keys
            dns_sd_configs: DnsSection,
            file_sd_configs: FileSection,
            @struct $(#[$meta])* $vis struct $name { $($own)* }
        }
    };
    (
        @keys $($key:ident: $section:ident,)*
        @struct $(#[$meta:meta])* $vis:vis struct $name:ident { $($own:tt)* }
    ) => {
        $(#[$meta])*
        $vis struct $name {
            $($own)*
            $(
                #[serde(deserialize_with = "null_as_default")]
                $key: List<$crate::discovery::$section>,
            )*
        }

        impl $name {
            $vis fn discovery(
                &mut self,
            ) -> Result<Vec<$crate::discovery::DiscoveryConfig>, $crate::error::Flaw> {
                let mut all = Vec::new();
                $(
                    all.extend($crate::discovery::resolve(
                        std::mem::take(&mut self.$key),
                        concat!("section in ", stringify!($key)),
                    )?);
                )*
                Ok(all)
            }
        }
    };
}

pub(crate) use discovering;
