//! Finds what a misspelt name may have meant.

/// The name of `names` that is one mistake away from `word`: a letter more, less, other, or two exchanged. `None` when
/// `word` is one of them.
pub(crate) fn similar<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut meant = None;
    for name in names {
        if name == word {
            return None;
        }
        if meant.is_none() && name.len() > 3 && is_one_mistake_away(word, name) {
            meant = Some(name);
        }
    }
    meant
}

fn is_one_mistake_away(word: &str, name: &str) -> bool {
    let (word, name): (Vec<char>, Vec<char>) =
        (word.to_lowercase().chars().collect(), name.to_lowercase().chars().collect());
    let start = word.iter().zip(&name).take_while(|(a, b)| a == b).count();
    let (word, name) = (&word[start..], &name[start..]);
    match (word, name) {
        ([], []) => true,
        ([a, b, word @ ..], [c, d, name @ ..]) if a == d && b == c && word == name => true,
        ([_, word @ ..], [_, name @ ..]) if word == name => true,
        ([_, word @ ..], name) if word == name => true,
        (word, [_, name @ ..]) => word == name,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_names_that_are_one_mistake_away() {
        let names = ["status", "duration", "name"];
        let table = [
            ("staus", Some("status")),
            ("statsu", Some("status")),
            ("statuss", Some("status")),
            ("stotus", Some("status")),
            ("Status", Some("status")),
            ("nam", Some("name")),
            ("status", None),
            ("state", None),
            ("", None),
            ("http.status", None),
        ];
        for (word, expected) in table {
            assert_eq!(similar(word, names), expected, "{word}");
        }
    }
}
