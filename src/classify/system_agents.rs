//! Programs of the system that act for apps (name resolution, background transfers): their label
//! alone explains nothing. The list, with sources, is `system_agents.tsv`.

use std::sync::OnceLock;

struct Agent {
    name: Option<&'static str>,
    uid: Option<u32>,
}

fn agents() -> &'static [Agent] {
    static AGENTS: OnceLock<Vec<Agent>> = OnceLock::new();
    AGENTS.get_or_init(|| {
        include_str!("system_agents.tsv")
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .map(|line| {
                let mut columns = line.split('\t');
                Agent {
                    name: columns.next().filter(|n| !n.is_empty()),
                    uid: columns.next().and_then(|u| u.parse().ok()),
                }
            })
            .collect()
    })
}

/// True if the process or user is a system agent. A path or a thread suffix is not looked into.
pub fn is_agent(name: Option<&str>, uid: Option<u32>) -> bool {
    agents().iter().any(|agent| {
        (agent.name.is_some() && agent.name == name) || (agent.uid.is_some() && agent.uid == uid)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_five_columns_and_names_something() {
        for line in include_str!("system_agents.tsv")
            .lines()
            .filter(|l| !l.starts_with('#') && !l.is_empty())
        {
            let columns: Vec<&str> = line.split('\t').collect();
            assert_eq!(columns.len(), 5, "{line}");
            assert!(columns[4].starts_with("https://"), "{line}");
        }
        assert!(agents().iter().all(|a| a.name.is_some() || a.uid.is_some()));
        assert!(is_agent(Some("nsurlsessiond"), None));
        assert!(is_agent(None, Some(1051)));
        assert!(!is_agent(Some("Chrome"), Some(10_120)));
    }
}
