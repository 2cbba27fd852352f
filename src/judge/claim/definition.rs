//! A claim as data: the sentence, who said it, and what traffic would contradict it.
//!
//! The claims that ship stand in `claims.toml`; a case file adds further ones in the same form. A
//! rule describes traffic by building blocks: kind of traffic, scopes, roles, owners, jurisdictions,
//! hosts, places, providers, events. All blocks of a rule have to fit. Whose traffic it is decides
//! what fitting means: traffic of the app or the vendor contradicts, traffic that could be the
//! app's is suspect, the rest is listed as somebody else's (contract, "Claims that ship").

use crate::evidence::content;
use crate::judge::classify::attribution::Attribution;
use crate::judge::classify::catalog::Catalog;
use crate::judge::classify::{Scope, catalog};
use crate::judge::locate::{cloud, country, operator};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// The shipped claims, as they stand in the tree.
pub const SHIPPED: &str = include_str!("claims.toml");

/// A claim.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Stable id, in kebab-case.
    pub id: String,
    /// The sentence that is tested, as it was said.
    pub statement: String,
    /// Who said it, where and when.
    pub source: String,
    /// What bears on it.
    #[serde(default, rename = "rule")]
    pub rules: Vec<Rule>,
    /// What has to have happened in the window for silence to mean anything.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// The statement is about operators of this country (ISO 3166-1 alpha-2) only.
    #[serde(default)]
    pub for_country: Option<String>,
    /// Traffic of these attributions that fits a rule is suspect: it makes the claim inconclusive.
    #[serde(default = "suspects")]
    pub suspects: Vec<String>,
    /// Traffic that the statement itself allows.
    #[serde(default)]
    pub exempt: Exempt,
    /// `inconclusive` for a statement that traffic neither contradicts nor supports.
    #[serde(default)]
    pub at_most: Option<AtMost>,
    /// What packets can never show of it, in words.
    #[serde(default)]
    pub not_testable: Vec<String>,
    /// The cheapest further capture that could overturn a consistent verdict.
    #[serde(default)]
    pub next_capture: Option<String>,
    /// Numbers that verdicts depend on.
    #[serde(default)]
    pub parameters: Parameters,
    /// Other wordings of the claim.
    #[serde(default, rename = "preset")]
    pub presets: Vec<Preset>,
    /// The wording in use, if it is not the claim's own.
    #[serde(skip)]
    pub chosen: Option<String>,
}

fn suspects() -> Vec<String> {
    [
        Attribution::ThirdParty,
        Attribution::Shared,
        Attribution::Unknown,
    ]
    .map(|a| a.id().to_owned())
    .to_vec()
}

/// Another wording of a claim: what it says differently.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// Its name, unique within the claim.
    pub name: String,
    /// The sentence.
    pub statement: String,
    /// Who said it, where and when.
    pub source: String,
    /// Replaces the claim's.
    #[serde(default)]
    pub suspects: Option<Vec<String>>,
    /// Replaces the claim's.
    #[serde(default)]
    pub exempt: Option<Exempt>,
    /// Replaces the claim's.
    #[serde(default)]
    pub at_most: Option<AtMost>,
    /// Added to the claim's.
    #[serde(default)]
    pub not_testable: Vec<String>,
}

/// What traffic bears on a claim. All conditions have to fit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Stable id of its findings.
    pub id: RuleId,
    /// The kind of traffic.
    pub traffic: Traffic,
    /// `internet`, `relayed`; default both.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Countries, ISO 3166-1 alpha-2: by the region in the host name, else by the address.
    #[serde(default)]
    pub places: Option<Set>,
    /// Cloud or network operators: by the host name and by the address's autonomous system.
    #[serde(default)]
    pub providers: Option<Set>,
    /// Owners of the name, by the catalog.
    #[serde(default)]
    pub owners: Option<Set>,
    /// Jurisdictions of the name's owner, by the catalog; never a location.
    #[serde(default)]
    pub jurisdictions: Option<Set>,
    /// Roles of the host, by the catalog.
    #[serde(default)]
    pub roles: Option<Set>,
    /// Host names; `*.example.com` stands for all below a domain.
    #[serde(default)]
    pub hosts: Option<Set>,
    /// Only traffic outside the case file's events of these kinds counts.
    #[serde(default)]
    pub outside_events: Vec<String>,
    /// Only traffic inside events of these kinds counts.
    #[serde(default)]
    pub inside_events: Vec<String>,
    /// For `content`: ids of detectors; default all.
    #[serde(default)]
    pub content: Vec<String>,
    /// What it does to the verdict; default `contradicts`.
    #[serde(default)]
    pub weight: Weight,
}

/// Id of a rule's findings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum RuleId {
    /// The same for all.
    One(String),
    /// By attribution.
    Each {
        /// Traffic of the app or device under audit.
        app: String,
        /// Traffic under the vendor's name.
        vendor: String,
    },
}

impl RuleId {
    /// The id for traffic of an accusing attribution.
    pub fn of(&self, whose: Attribution) -> &str {
        match self {
            Self::One(id) => id,
            Self::Each { app, vendor } => match whose {
                Attribution::Vendor => vendor,
                _ => app,
            },
        }
    }

    /// All ids.
    pub fn all(&self) -> Vec<&str> {
        match self {
            Self::One(id) => vec![id],
            Self::Each { app, vendor } => vec![app, vendor],
        }
    }
}

/// A kind of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Traffic {
    /// Any contact, from an attempt on.
    Contact,
    /// A name was asked for.
    Lookup,
    /// Application payload went out.
    Payload,
    /// Upload-shaped: much more out than in, or a request that declares such a body.
    Upload,
    /// Personal data in readable form.
    Content,
    /// Application payload out that cannot be read.
    Unread,
}

/// A list that has to hold a value, or must not.
///
/// A name may accuse alone. Where it is the name that keeps a rule from fitting, that counts only if
/// the address belongs to the name's owner; else the claim is inconclusive (`name-unsure`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Set {
    /// The value is one of these.
    Inside(Vec<String>),
    /// The value is none of these.
    Outside(Vec<String>),
}

/// What has to have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// An upload of the subject.
    Upload,
}

/// A cap on the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum AtMost {
    /// Never contradicted, never consistent.
    Inconclusive,
}

/// What a fitting rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Contradicts the claim.
    #[default]
    Contradicts,
    /// Makes it inconclusive.
    Suspect,
    /// Is listed and moves nothing.
    Listed,
}

/// Traffic that a statement allows: by the host's role or owner, or by the modules that the case
/// file names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Exempt {
    /// Roles of the catalog.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Owners of the catalog; where given, role and owner have to fit.
    #[serde(default)]
    pub owners: Vec<String>,
    /// The parameter `exempt_modules` says which.
    #[serde(default)]
    pub modules: bool,
}

/// Roles of the hosts that a module of DJI's SDK talks to (`LDMExemptModule`). A host may serve
/// several: a role says what the name is known for, not what one connection did.
pub const MODULES: &[(&str, &[&str])] = &[
    ("MSDK_INIT_AND_REGISTRATION", &["vendor-activation"]),
    ("LIVE_STREAMING", &["livestream"]),
    ("RTK", &["rtk"]),
    ("FIRMWARE_UPGRADE", &["vendor-update"]),
    ("EXPERENCE_IMPROVEMENT", &["vendor-telemetry"]),
    ("USER_ACCOUNT", &["vendor-account"]),
    ("LTE", &[]),
    ("FLY_SAFE", &["vendor-geofence"]),
    ("REAL_NAME", &["vendor-account"]),
];

/// Numbers and lists that verdicts depend on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Least payload out to one destination that is upload-shaped, bytes.
    pub upload_min_bytes: u64,
    /// Least ratio of payload out to payload in that is upload-shaped.
    pub upload_ratio: u64,
    /// SDK modules that were exempted, by the names of `LDMExemptModule`.
    pub exempt_modules: Vec<String>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            // Contract, "Upload-shaped".
            upload_min_bytes: 64 * 1024,
            upload_ratio: 4,
            exempt_modules: Vec::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    claim: Vec<Definition>,
}

/// The claims that ship, by id.
pub fn shipped() -> &'static [Definition] {
    static LIST: OnceLock<Vec<Definition>> = OnceLock::new();
    LIST.get_or_init(|| {
        // By way of a table, as claims of a case file come: one way of reading them is built instead of two.
        let mut list = toml::from_str::<toml::Table>(SHIPPED)
            .and_then(|table| File::deserialize(toml::Value::Table(table)))
            .map(|file| file.claim)
            .unwrap_or_default();
        list.sort_by(|a, b| a.id.cmp(&b.id));
        list
    })
}

impl Definition {
    /// The claim in another of its wordings; `None` if it has no such preset.
    pub fn in_words_of(&self, name: &str) -> Option<Self> {
        let preset = self.presets.iter().find(|p| p.name == name)?.clone();
        let mut not_testable = self.not_testable.clone();
        not_testable.extend(preset.not_testable);
        Some(Self {
            statement: preset.statement,
            source: preset.source,
            suspects: preset.suspects.unwrap_or_else(|| self.suspects.clone()),
            exempt: preset.exempt.unwrap_or_else(|| self.exempt.clone()),
            at_most: preset.at_most.or(self.at_most),
            not_testable,
            chosen: Some(preset.name),
            ..self.clone()
        })
    }

    /// What is wrong with it beyond its form, in words.
    pub fn problem(&self) -> Option<String> {
        let kebab = |id: &str| {
            !id.is_empty()
                && id
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if !kebab(&self.id) {
            return Some(format!("the id '{}' is not in kebab-case", self.id));
        }
        if self.rules.is_empty() && self.at_most.is_none() {
            return Some(format!(
                "the claim '{}' has no rule: nothing could contradict it; add [[claims.rule]] or at_most = \"inconclusive\"",
                self.id
            ));
        }
        let known: Vec<&str> = Attribution::ALL.iter().map(|a| a.id()).collect();
        for name in &self.suspects {
            if !known.contains(&name.as_str()) {
                return Some(format!(
                    "suspects: '{name}' is no attribution; use {}",
                    known.join(", ")
                ));
            }
        }
        for rule in &self.rules {
            if let Some(id) = rule.id.all().into_iter().find(|id| !kebab(id)) {
                return Some(format!("the rule id '{id}' is not in kebab-case"));
            }
            if let Some(scope) = rule.scopes.iter().find(|s| {
                ![Scope::Internet, Scope::Relayed]
                    .iter()
                    .any(|k| k.id() == *s)
            }) {
                return Some(format!("scopes: '{scope}' is none of internet, relayed"));
            }
            let codes = rule.places.iter().chain(&rule.jurisdictions);
            if let Some(problem) = codes.flat_map(Set::values).find_map(no_country) {
                return Some(problem);
            }
            let roles = rule.roles.iter().flat_map(Set::values);
            if let Some(problem) = roles.chain(&self.exempt.roles).find_map(no_role) {
                return Some(problem);
            }
            let providers = rule.providers.iter().flat_map(Set::values);
            let hosts = rule.hosts.iter().flat_map(Set::values);
            if let Some(problem) = providers
                .filter_map(no_provider)
                .chain(hosts.filter_map(no_host))
                .next()
            {
                return Some(problem);
            }
            if let Some(problem) = rule.no_content() {
                return Some(problem);
            }
        }
        if let Some(problem) = self.for_country.as_ref().and_then(no_country) {
            return Some(problem);
        }
        self.parameters
            .exempt_modules
            .iter()
            .find(|m| !MODULES.iter().any(|(name, _)| name == m))
            .map(|module| {
                let names: Vec<&str> = MODULES.iter().map(|(name, _)| *name).collect();
                format!(
                    "exempt_modules: '{module}' is unknown; use {}",
                    names.join(", ")
                )
            })
    }

    /// An owner that no row of the catalog names: its rule would fit nothing, or everything.
    pub fn unknown_owner(&self, catalog: &Catalog) -> Option<&str> {
        let of_rules = self.rules.iter().flat_map(|rule| &rule.owners);
        of_rules
            .flat_map(Set::values)
            .chain(&self.exempt.owners)
            .find(|owner| !catalog.hosts().iter().any(|host| host.owner == **owner))
            .map(String::as_str)
    }

    /// Roles that are exempt, with the modules resolved.
    pub fn exempt_roles(&self) -> Vec<&str> {
        let modules = MODULES
            .iter()
            .filter(|(name, _)| {
                self.exempt.modules && self.parameters.exempt_modules.iter().any(|m| m == name)
            })
            .flat_map(|(_, roles)| roles.iter().copied());
        self.exempt
            .roles
            .iter()
            .map(String::as_str)
            .chain(modules)
            .collect()
    }

    /// The parameters that bear on it, as the report writes them.
    pub fn recorded(&self) -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        let uploads = self.rules.iter().any(|r| r.traffic == Traffic::Upload);
        if uploads {
            let p = &self.parameters;
            out.insert("upload_min_bytes".into(), p.upload_min_bytes.to_string());
            out.insert("upload_ratio".into(), p.upload_ratio.to_string());
        }
        if self.exempt.modules {
            out.insert(
                "exempt_modules".into(),
                self.parameters.exempt_modules.join(", "),
            );
        }
        out
    }
}

/// What never fits because it is misspelt would make a rule that nothing breaks.
fn no_country(code: &String) -> Option<String> {
    (country::code(code) != Some(code)).then(|| {
        format!("'{code}' is no country code of ISO 3166-1; use two capital letters, such as US")
    })
}

fn no_role(role: &String) -> Option<String> {
    catalog::role(role).is_none().then(|| {
        format!("'{role}' is no role of the catalog; 'drone-audit explain' lists the roles")
    })
}

fn no_provider(provider: &String) -> Option<String> {
    // An operator without an id of its own goes by its AS: `AS64500 (Name)`.
    let number = provider
        .strip_prefix("AS")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let known: BTreeSet<&str> = operator::operators()
        .iter()
        .map(|row| row.id)
        .chain(cloud::providers())
        .collect();
    (!number && !known.contains(provider.as_str())).then(|| {
        let known: Vec<&str> = known.into_iter().collect();
        format!(
            "providers: '{provider}' is unknown; use {}",
            known.join(", ")
        )
    })
}

/// Names are compared as they are kept: in small letters, without a dot at the end.
fn no_host(pattern: &String) -> Option<String> {
    let name = pattern.strip_prefix("*.").unwrap_or(pattern);
    let plain = !name.is_empty()
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !name
            .chars()
            .any(|c| c.is_ascii_uppercase() || c.is_whitespace() || "*?[]/:".contains(c));
    (!plain).then(|| {
        format!("hosts: '{pattern}' fits no name; use small letters, or *. and a name for all below it: *.example.org")
    })
}

impl Rule {
    fn no_content(&self) -> Option<String> {
        let known: Vec<&str> = content::Kind::ALL.iter().map(|kind| kind.id()).collect();
        if let Some(id) = self.content.iter().find(|id| !known.contains(&id.as_str())) {
            return Some(format!(
                "content: '{id}' is no kind of personal data; use {}",
                known.join(", ")
            ));
        }
        (!self.content.is_empty() && self.traffic != Traffic::Content).then(|| {
            "content is given, and the traffic is another; use traffic = \"content\"".to_owned()
        })
    }
}

impl Set {
    /// What is listed.
    pub fn values(&self) -> &[String] {
        match self {
            Self::Inside(values) | Self::Outside(values) => values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_claims_are_sound() {
        let file: File = toml::from_str(SHIPPED).unwrap();
        let ids: Vec<&str> = shipped().iter().map(|c| c.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "local-data-mode",
                "no-cn-hk-tw",
                "no-foreign-adversary",
                "no-personal-data",
                "no-unshared-upload",
                "us-storage"
            ]
        );
        for claim in &file.claim {
            assert_eq!(claim.problem(), None, "{}", claim.id);
            assert!(claim.next_capture.is_some() && claim.chosen.is_none());
            for preset in &claim.presets {
                let other = claim.in_words_of(&preset.name).unwrap();
                assert_eq!(other.problem(), None);
                assert_eq!(other.chosen.as_deref(), Some(preset.name.as_str()));
            }
        }
    }

    #[test]
    fn a_module_is_exempt_only_where_the_wording_allows_modules() {
        let claim = &shipped()[0];
        let mut other = claim.in_words_of("exempt-modules").unwrap();
        other.parameters.exempt_modules = vec!["RTK".into(), "FLY_SAFE".into()];
        assert_eq!(other.exempt_roles(), ["rtk", "vendor-geofence"]);
        let mut own = claim.clone();
        own.parameters.exempt_modules = vec!["RTK".into()];
        assert!(own.exempt_roles().is_empty());
        other.parameters.exempt_modules = vec!["EVERYTHING".into()];
        assert!(other.problem().unwrap().contains("EVERYTHING"));
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        let claim = |body: &str| {
            let head = "id = 'own'\nstatement = 's'\nsource = 't'\n";
            toml::from_str::<Definition>(&format!("{head}{body}"))
        };
        assert!(claim("").unwrap().problem().unwrap().contains("no rule"));
        let rule = |of: &str| claim(&format!("[[rule]]\nid = 'r'\ntraffic = 'upload'\n{of}"));
        assert_eq!(rule("").unwrap().problem(), None);
        for (of, said) in [
            ("places = { inside = ['usa'] }", "no country code"),
            ("roles = { inside = ['vendor-cheese'] }", "no role"),
            ("scopes = ['local']", "none of internet"),
            ("places = { inside = ['XX'] }", "no country code"),
            ("providers = { outside = ['amazn'] }", "is unknown; use "),
            ("hosts = { inside = ['*.DJI.com'] }", "fits no name"),
            ("hosts = { inside = ['*dji*'] }", "fits no name"),
            ("content = ['imei']", "traffic = \"content\""),
            ("content = ['imeii']", "no kind of personal data"),
        ] {
            assert!(rule(of).unwrap().problem().unwrap().contains(said), "{of}");
        }
        for of in [
            "providers = { inside = ['aws', 'amazon', 'AS64500 (Example)'] }",
            "hosts = { outside = ['dji.com', '*.dji.com'] }",
        ] {
            assert_eq!(rule(of).unwrap().problem(), None, "{of}");
        }
        let owned = rule("owners = { inside = ['SZ DJI Technologie'] }").unwrap();
        assert_eq!(
            owned.unknown_owner(Catalog::embedded()),
            Some("SZ DJI Technologie")
        );
        assert!(shipped().iter().all(|c| {
            let words = c.presets.iter().filter_map(|p| c.in_words_of(&p.name));
            words
                .chain([c.clone()])
                .all(|c| c.unknown_owner(Catalog::embedded()).is_none())
        }));
        assert!(rule("colour = 'red'").is_err());
        assert!(rule("places = { inside = ['US'], outside = ['CN'] }").is_err());
    }
}
