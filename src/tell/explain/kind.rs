//! The kinds of ids, and which sections the text of each has to have.

/// What an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdKind {
    /// How to use the program, and what its answers are worth.
    Guide,
    /// A statement that is judged.
    Claim,
    /// What can be said of a claim.
    Verdict,
    /// A rule of findings, or another reason of a verdict.
    Rule,
    /// What a capture could not show.
    Gap,
    /// Whose traffic it is.
    Attribution,
    /// How far traffic went.
    Stage,
    /// Where a packet belongs.
    Scope,
    /// Where a host name comes from.
    HostSource,
    /// How far the country of an address can be trusted.
    Place,
    /// How sure a finding is.
    Confidence,
    /// Where an app's label comes from.
    Label,
    /// What an app's label says of the subject.
    Says,
    /// What the registrant of a MAC address makes.
    Maker,
    /// What a host of the catalog is for.
    Role,
    /// What personal data it is.
    Datum,
    /// What a clock in the packets is.
    Clock,
    /// What a second recording is good for.
    Baseline,
    /// What differs between two recordings.
    Change,
    /// How to record.
    Recipe,
}

/// A section that entries of a kind have: its key in the file, its heading, and whether it may be
/// missing.
pub(super) struct Slot {
    pub(super) key: &'static str,
    heading: &'static str,
    pub(super) optional: bool,
}

const fn slot(key: &'static str, heading: &'static str) -> Slot {
    Slot {
        key,
        heading,
        optional: false,
    }
}

const fn optional(key: &'static str, heading: &'static str) -> Slot {
    Slot {
        key,
        heading,
        optional: true,
    }
}

const MEANS: Slot = slot("means", "What it means");
const CAPTURE: Slot = slot("capture", "What a capture must contain");
const WRONG: Slot = slot("wrong", "Known ways to be wrong");
const REFERENCES: Slot = slot("references", "References");

static OF_CLAIMS: [Slot; 6] = [
    MEANS,
    slot("when", "Contradicted by"),
    slot("not", "Not contradicted by"),
    CAPTURE,
    WRONG,
    REFERENCES,
];
static OF_GAPS: [Slot; 6] = [
    MEANS,
    slot("when", "Seen when"),
    slot("not", "Not this gap"),
    // Filled from the field `next`.
    slot("capture", "In the next recording"),
    WRONG,
    optional("references", "References"),
];
static OF_SOURCES: [Slot; 6] = [
    MEANS,
    slot("when", "Given when"),
    slot("not", "Not given for"),
    CAPTURE,
    WRONG,
    REFERENCES,
];
static OF_WORDS: [Slot; 6] = [
    MEANS,
    slot("when", "Given when"),
    slot("not", "Not given for"),
    CAPTURE,
    WRONG,
    optional("references", "References"),
];
static OF_ROLES: [Slot; 1] = [MEANS];
static OF_RECIPES: [Slot; 5] = [
    MEANS,
    slot("settings", "Settings"),
    slot("unseen", "What it cannot see"),
    WRONG,
    REFERENCES,
];

/// The guides, in the order of the list: one file each, as they are long.
static GUIDES: [(&str, &str); 8] = [
    ("guide", include_str!("texts/guide.md")),
    ("recording", include_str!("texts/recording.md")),
    ("silence", include_str!("texts/silence.md")),
    ("case-file", include_str!("texts/case-file.md")),
    ("evidence", include_str!("texts/evidence.md")),
    ("pipelines", include_str!("texts/pipelines.md")),
    ("campaigns", include_str!("texts/campaigns.md")),
    ("threat-model", include_str!("texts/threat-model.md")),
];

impl IdKind {
    /// Every kind, in the order of the list.
    pub const ALL: [Self; 20] = [
        Self::Guide,
        Self::Claim,
        Self::Verdict,
        Self::Rule,
        Self::Gap,
        Self::Attribution,
        Self::Stage,
        Self::Scope,
        Self::HostSource,
        Self::Place,
        Self::Confidence,
        Self::Label,
        Self::Says,
        Self::Maker,
        Self::Role,
        Self::Datum,
        Self::Clock,
        Self::Baseline,
        Self::Change,
        Self::Recipe,
    ];

    /// Heading of the list.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Guide => "Guides",
            Self::Claim => "Claims",
            Self::Verdict => "Verdicts",
            Self::Rule => "Rules and reasons",
            Self::Gap => "Gaps",
            Self::Attribution => "Attributions (attribution)",
            Self::Stage => "Stages (stage)",
            Self::Scope => "Scopes of packets (scope)",
            Self::HostSource => "Sources of host names (host_source)",
            Self::Place => "Confidence in a country (country_confidence)",
            Self::Confidence => "Confidence in a finding (confidence)",
            Self::Label => "Sources of app labels (app.source)",
            Self::Says => "What a label says (apps_seen.says)",
            Self::Maker => "Makers of network cards (maker_kind)",
            Self::Role => "Roles of hosts (role)",
            Self::Datum => "Kinds of personal data (content.kind)",
            Self::Clock => "Clocks in the packets (clocks.source)",
            Self::Baseline => "Kinds of baselines (baseline.kind)",
            Self::Change => "Differences between recordings (diff, --against)",
            Self::Recipe => "Recording recipes",
        }
    }

    /// What one of them is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Guide => "guide",
            Self::Claim => "claim",
            Self::Verdict => "verdict",
            Self::Rule => "rule or reason",
            Self::Gap => "gap",
            Self::Attribution => "attribution",
            Self::Stage => "stage",
            Self::Scope => "scope",
            Self::HostSource => "source of a host name",
            Self::Place => "confidence in a country",
            Self::Confidence => "confidence in a finding",
            Self::Label => "source of an app label",
            Self::Says => "what a label says",
            Self::Maker => "maker of a network card",
            Self::Role => "role of a host",
            Self::Datum => "kind of personal data",
            Self::Clock => "clock in the packets",
            Self::Baseline => "kind of baseline",
            Self::Change => "difference between recordings",
            Self::Recipe => "recording recipe",
        }
    }

    /// Names and contents of its files; none for what is made from other data.
    pub(super) fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Guide => &GUIDES,
            Self::Claim => &[("claims", include_str!("texts/claims.md"))],
            Self::Verdict => &[("verdicts", include_str!("texts/verdicts.md"))],
            Self::Rule => &[("rules", include_str!("texts/rules.md"))],
            Self::Gap => &[("gaps", include_str!("texts/gaps.md"))],
            Self::Attribution => &[("attributions", include_str!("texts/attributions.md"))],
            Self::Stage => &[("stages", include_str!("texts/stages.md"))],
            Self::Scope => &[("scopes", include_str!("texts/scopes.md"))],
            Self::HostSource => &[("host-sources", include_str!("texts/host-sources.md"))],
            Self::Place => &[("places", include_str!("texts/places.md"))],
            Self::Confidence => &[("confidences", include_str!("texts/confidences.md"))],
            Self::Label => &[("labels", include_str!("texts/labels.md"))],
            Self::Says => &[("says", include_str!("texts/says.md"))],
            Self::Maker => &[("makers", include_str!("texts/makers.md"))],
            Self::Role => &[],
            Self::Datum => &[("data", include_str!("texts/data.md"))],
            Self::Clock => &[("clocks", include_str!("texts/clocks.md"))],
            Self::Baseline => &[("baselines", include_str!("texts/baselines.md"))],
            Self::Change => &[("changes", include_str!("texts/changes.md"))],
            Self::Recipe => &[("recipes", include_str!("texts/recipes.md"))],
        }
    }

    pub(super) fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Claim => &["title", "statement", "source"],
            Self::Gap => &["title", "next"],
            _ => &["title"],
        }
    }

    pub(super) fn slots(self) -> &'static [Slot] {
        match self {
            Self::Claim => &OF_CLAIMS,
            Self::Gap => &OF_GAPS,
            Self::HostSource | Self::Label => &OF_SOURCES,
            Self::Role => &OF_ROLES,
            Self::Recipe => &OF_RECIPES,
            Self::Guide => &[],
            _ => &OF_WORDS,
        }
    }

    /// Whether the sections are whatever its author needs, under headings of their own.
    pub(super) fn is_free(self) -> bool {
        self == Self::Guide
    }

    /// The heading of a section of this kind.
    pub(super) fn section(self, key: &str) -> &str {
        if self.is_free() {
            return key;
        }
        self.slots()
            .iter()
            .find(|slot| slot.key == key)
            .map_or("", |slot| slot.heading)
    }
}
