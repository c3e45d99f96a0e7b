//! What a store with many records loses against a small one.

use crate::measure::Figures;
use crate::report::{Case, Limit, Report};

/// Adds a row for each throughput that was measured at several numbers of records: each against the least.
pub fn add(report: &mut Report) {
    let mut rows = Vec::new();
    for line in report.lines() {
        let case = line.case;
        if !["update", "overwrite", "fetch"].contains(&case.case) || case.unit != "op/s" || case.class != Some("ram") {
            continue;
        }
        let alike = |other: &Case| {
            (other.case, other.layout, other.size, other.class, other.depth, other.unit)
                == (case.case, case.layout, case.size, case.class, case.depth, case.unit)
        };
        let least = report.lines().filter(|other| alike(&other.case)).min_by_key(|other| other.case.records);
        if let Some(least) = least.filter(|least| least.case.records < case.records) {
            let name = match case.case {
                "update" => "update, growth",
                "overwrite" => "overwrite, growth",
                _ => "fetch, growth",
            };
            let limit = Limit { name: "with the least records", value: least.figures.median };
            rows.push((Case { case: name, ..case }, line.figures, limit));
        }
    }
    for (case, figures, limit) in rows {
        report.add(case, figures, Some(limit));
    }
}

/// The least of the medians that fit a description, or the greatest.
pub fn extreme(
    report: &Report,
    fits: impl Fn(&Case) -> bool,
    of: impl Fn(&Figures, Option<f64>) -> Option<f64>,
    least: bool,
) -> Option<f64> {
    let values = report.lines().filter(|line| fits(&line.case)).filter_map(|line| of(&line.figures, line.ratio()));
    if least { values.min_by(f64::total_cmp) } else { values.max_by(f64::total_cmp) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_records_are_compared_with_the_least_of_the_same_case() {
        let mut report = Report::new();
        let case = Case { case: "fetch", unit: "op/s", class: Some("ram"), size: 64, ..Case::default() };
        let figures = |median: f64| Figures { median, min: median, max: median };
        report.add(Case { records: Some(10), ..case }, figures(8.0), None);
        report.add(Case { records: Some(1000), ..case }, figures(2.0), None);
        report.add(Case { records: Some(1000), size: 4096, ..case }, figures(5.0), None);
        add(&mut report);
        let rows: Vec<_> = report.lines().skip(3).map(|line| (line.case.case, line.case.size, line.ratio())).collect();
        assert_eq!(rows, [("fetch, growth", 64, Some(0.25))]);
    }
}
