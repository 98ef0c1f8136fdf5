//! Every flag that is on or off has a second one that turns it off, as in the reference: `--no-` and its
//! name. It is not listed in the help.

use clap::{Arg, ArgAction, Command};

/// Adds the flags that turn others off, to all subcommands too. Of a flag and its opposite the last one
/// counts.
pub(crate) fn with_negations(mut command: Command) -> Command {
    let switches = command.get_arguments().filter(|argument| is_switch(argument));
    let switches = switches.cloned().collect::<Vec<_>>();
    for switch in switches {
        let Some(name) = switch.get_long() else { continue };
        let negation = format!("no-{name}");
        let id = switch.get_id().clone();
        let opposite = Arg::new(negation.clone())
            .long(negation.clone())
            .action(ArgAction::SetTrue)
            .overrides_with(id.clone())
            .global(switch.is_global_set())
            .hide(true);
        command = command
            .arg(opposite)
            .mut_arg(id, |argument| argument.default_value_if(negation, "true", "false"));
    }
    let names = command.get_subcommands().map(|sub| sub.get_name().to_owned());
    for name in names.collect::<Vec<_>>() {
        command = command.mut_subcommand(name, with_negations);
    }
    command
}

fn is_switch(argument: &Arg) -> bool {
    let is_bool =
        argument.get_value_parser().type_id() == clap::builder::ValueParser::bool().type_id();
    is_bool && matches!(argument.get_action(), ArgAction::Set | ArgAction::SetTrue)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, FromArgMatches as _};

    use super::with_negations;
    use crate::promtool::PromtoolFlags;
    use crate::server::ServerFlags;

    fn parse(arguments: &[&str]) -> ServerFlags {
        let matches = with_negations(ServerFlags::command())
            .get_matches_from([&["server"], arguments].concat());
        ServerFlags::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn the_last_of_a_flag_and_its_opposite_counts() {
        for (arguments, lifecycle, overlapping) in [
            (&[][..], false, true),
            (&["--web.enable-lifecycle"], true, true),
            (&["--no-web.enable-lifecycle"], false, true),
            (&["--web.enable-lifecycle", "--no-web.enable-lifecycle"], false, true),
            (&["--no-web.enable-lifecycle", "--web.enable-lifecycle"], true, true),
            (&["--no-storage.tsdb.allow-overlapping-compaction"], false, false),
            (
                &[
                    "--no-storage.tsdb.allow-overlapping-compaction",
                    "--storage.tsdb.allow-overlapping-compaction",
                ],
                false,
                true,
            ),
            (&["--storage.tsdb.allow-overlapping-compaction=false"], false, false),
        ] {
            let flags = parse(arguments);
            assert_eq!(flags.enable_lifecycle, lifecycle, "{arguments:?}");
            assert_eq!(flags.storage.allow_overlapping_compaction, overlapping, "{arguments:?}");
        }
    }

    #[test]
    fn they_are_in_subcommands_and_in_no_help() {
        let command = with_negations(PromtoolFlags::command());
        let arguments = ["promtool", "tsdb", "list", "--no-human-readable", "data"];
        command.clone().debug_assert();
        command.clone().try_get_matches_from(arguments).unwrap();
        let help = with_negations(ServerFlags::command()).render_long_help().to_string();
        assert!(!help.contains("--no-"), "{help}");
        let wrong = command.try_get_matches_from(["promtool", "tsdb", "list", "--no-config"]);
        assert!(wrong.is_err());
    }
}
