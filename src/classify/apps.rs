//! Drone apps by the names that capture labels give them: the subject of a labelled capture when
//! none was asked for. The list, with sources, is `apps.tsv`.

use super::app_pattern::Pattern;
use std::sync::OnceLock;

/// The shipped list.
pub fn drone_apps() -> &'static [Pattern] {
    static APPS: OnceLock<Vec<Pattern>> = OnceLock::new();
    APPS.get_or_init(|| {
        include_str!("apps.tsv")
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .filter_map(|line| Pattern::parse(line.split('\t').next()?).ok())
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::app_pattern::Match;

    #[test]
    fn every_row_is_a_pattern_with_a_source() {
        let rows: Vec<&str> = include_str!("apps.tsv")
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .collect();
        for row in &rows {
            let columns: Vec<&str> = row.split('\t').collect();
            assert_eq!(columns.len(), 5, "{row}");
            assert!(columns[4].starts_with("https://"), "{row}");
        }
        assert_eq!(drone_apps().len(), rows.len());
        let known = |name| {
            drone_apps()
                .iter()
                .any(|p| p.matches(name, false) == Match::Yes)
        };
        for name in [
            "dji.go.v4",
            "dji.go.v5",
            "dji.pilot",
            "dji.mimo",
            "DJI Fly",
            "com.skydio.pro",
        ] {
            assert!(known(name), "{name}");
        }
        for name in ["Chrome", "com.android.chrome", "DJIx", "com.djinn.app"] {
            assert!(!known(name), "{name}");
        }
    }
}
