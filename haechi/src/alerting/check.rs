//! SLO files outside of a running box: every mistake of a folder or a file, and what is told about those without.

use std::path::Path;

use slo::Slo;
use slo::formats::load;
use slo::spec::{SpecError, SpecErrors, reject_duplicates};

use super::files::{self, FilesError};

/// The SLOs of files that have no mistake.
pub(crate) struct Checked {
    pub(crate) slos: Vec<Slo>,
    /// What files of other formats say that no SLO here can say.
    pub(crate) unmapped: Vec<SpecError>,
}

/// The SLOs of a folder of `*.yaml` files or of one file, or every mistake in them.
pub(crate) fn check(path: &Path) -> Result<Checked, FilesError> {
    let contents = files::contents(path)?;
    let mut checked = Checked { slos: Vec::new(), unmapped: Vec::new() };
    let mut errors = Vec::new();
    for (file, content) in contents {
        match content {
            Ok(text) => match load(&file, &text) {
                Ok(loaded) => {
                    errors.extend(loaded.slos.iter().filter_map(files::bad_queries));
                    checked.slos.extend(loaded.slos);
                    checked.unmapped.extend(loaded.unmapped);
                }
                Err(SpecErrors(mistakes)) => errors.extend(mistakes),
            },
            Err(reason) => errors.push(files::unreadable(&file, &reason)),
        }
    }
    errors.extend(reject_duplicates(&checked.slos).err().into_iter().flat_map(|errors| errors.0));
    if !errors.is_empty() {
        return Err(SpecErrors(errors).into());
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOTH: &str = "version: prometheus/v1\nservice: s\nslos:\n  - {name: a, objective: 99, sli: {plugin: {id: x}}, alerting: {}}\n  - {name: b, objective: 99, sli: {raw: {error_ratio_query: 'rate(r[{{.window}}])'}}, alerting: {}}\n";

    #[test]
    fn tells_what_is_not_mapped() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.yaml"), SLOTH).unwrap();
        std::fs::write(dir.path().join("b.yaml"), "service: t\nindicator: availability\nobjective: 99\n").unwrap();
        let checked = check(dir.path()).unwrap();
        let names: Vec<_> = checked.slos.iter().map(|slo| slo.name.as_str()).collect();
        assert_eq!(names, ["s-b", "t-availability"]);
        assert!(checked.unmapped[0].to_string().contains("a.yaml:4:44: slos[0].sli.plugin: "));
        assert_eq!(check(&dir.path().join("b.yaml")).unwrap().slos.len(), 1);
    }

    #[test]
    fn a_query_with_a_mistake_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let table = [
            ("indicator: availability\nfilter: 'a=('\n", "filter: "),
            (
                "indicator: availability\nfilter: '{a=1} CHILD OF {b=2}'\n",
                "filter: a condition on single spans is expected",
            ),
            ("indicator: {logs: {bad: 'severity>=loud'}}\n", "indicator.logs.bad: "),
            ("indicator: {promql: {error_ratio: 'a[$window'}}\n", "indicator.promql.error_ratio: "),
            ("indicator: {promql: {good: 'a[$window]', total: 'b[$window]'}}\n", "invalid expression type"),
            ("indicator: {slices: {query: 'sum(', op: <, value: 1}}\n", "indicator.slices.query: "),
        ];
        for (keys, expected) in table {
            std::fs::write(dir.path().join("a.yaml"), format!("service: s\nobjective: 99\n{keys}")).unwrap();
            let errors = check(dir.path()).err().map(|errors| errors.to_string()).unwrap_or_default();
            assert!(errors.contains("a.yaml:1:1: ") && errors.contains(expected), "{keys}: {errors}");
        }
    }

    #[test]
    fn every_mistake_of_every_file_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.yaml"), "service: t\n").unwrap();
        std::fs::write(dir.path().join("b.yaml"), "version: prometheus/v1\n").unwrap();
        std::fs::write(dir.path().join("c.yaml"), b"\xff\xfe").unwrap();
        let errors = check(dir.path()).err().unwrap().to_string();
        for (file, key) in
            [("a.yaml", "indicator"), ("a.yaml", "objective"), ("b.yaml", "service"), ("c.yaml", "cannot be read")]
        {
            assert!(errors.lines().any(|line| line.contains(file) && line.contains(key)), "{file} {key}: {errors}");
        }
        assert!(check(&dir.path().join("none")).is_err());
    }
}
