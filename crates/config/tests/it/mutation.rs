use narthex_config::Config;
use proptest::prelude::*;

use crate::print::FULL;

/// One small damage to a file.
#[derive(Clone, Debug)]
enum Damage {
    DropLine(usize),
    RepeatLine(usize),
    SwapLines(usize, usize),
    Indent(usize, usize),
    Truncate(usize),
    Replace(usize, char),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = 0..FULL.len();
    let characters =
        prop::sample::select(":-[]{}&*!|>'\"#%@`,.$ \n\t09azé\0".chars().collect::<Vec<_>>());
    prop_oneof![
        at.clone().prop_map(Damage::DropLine),
        at.clone().prop_map(Damage::RepeatLine),
        (at.clone(), at.clone()).prop_map(|(one, other)| Damage::SwapLines(one, other)),
        (at.clone(), 0..9_usize).prop_map(|(line, spaces)| Damage::Indent(line, spaces)),
        at.clone().prop_map(Damage::Truncate),
        (at, characters).prop_map(|(index, character)| Damage::Replace(index, character)),
    ]
}

fn apply(text: &str, damage: &Damage) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let count = lines.len().max(1);
    if lines.is_empty() {
        return String::new();
    }
    match *damage {
        Damage::DropLine(line) => drop(lines.remove(line % count)),
        Damage::RepeatLine(line) => {
            let line = line % count;
            lines.insert(line, lines[line].clone());
        }
        Damage::SwapLines(one, other) => lines.swap(one % count, other % count),
        Damage::Indent(line, spaces) => {
            let line = &mut lines[line % count];
            *line = " ".repeat(spaces) + line.trim_start();
        }
        Damage::Truncate(index) => return text.chars().take(index).collect(),
        Damage::Replace(index, new) => {
            let index = index % text.chars().count().max(1);
            return text
                .chars()
                .enumerate()
                .map(|(i, c)| if i == index { new } else { c })
                .collect();
        }
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// A damaged file is refused with a place inside it, or loads and prints as what it loaded as.
    #[test]
    fn a_damaged_file_never_panics(damages in prop::collection::vec(damage(), 1..4)) {
        let text = damages.iter().fold(FULL.to_owned(), |text, damage| apply(&text, damage));
        match Config::load(&text, "damaged.yml", |_| Some("x".to_owned())) {
            Err(error) => {
                let lines = text.lines().count() as u64;
                prop_assert!(error.position().line <= lines + 1, "{error}\n{text}");
            }
            Ok(config) => {
                let printed = config.to_yaml().expect("prints");
                let mut again = Config::load(&printed, "printed.yml", |_| None).expect(&printed);
                again.global.external_labels = config.global.external_labels.clone();
                // Secrets do not survive, so that the texts are compared.
                prop_assert_eq!(again.to_yaml().expect("prints"), printed);
            }
        }
    }
}
