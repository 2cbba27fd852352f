//! Claims as a case file gives them: one that ships, by its id, wording and parameters, or a new one in
//! the [grammar of claims](crate::judge::claim::definition). The whole entry is kept, with the places of all
//! its parts.

use super::source::{Text, quoted};
use super::{CaseFile, EventKind, Ids, optional, raw, unreadable, value};
use crate::ground::error::Error;
use crate::ground::place::Place;
use crate::ground::text;
use crate::judge::claim::definition;
use crate::judge::claim::definition::{Definition, Parameters};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

/// An entry of `[[claims]]`.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its id, unique in the case file.
    pub id: String,
    /// The wording of a claim that ships.
    pub preset: Option<String>,
    /// What the verdict depends on, by name, as far as it is given.
    pub parameters: toml::Table,
    /// The sentence of a new claim.
    pub statement: Option<String>,
    /// Who said it.
    pub source: Option<String>,
    /// The whole entry, with all keys.
    pub definition: toml::Table,
    /// Where it begins.
    pub place: Place,
    located: Located,
    text: Arc<Text>,
}

/// Where a value stands, by bytes of the file, and its parts.
#[derive(Debug, Clone)]
pub(super) struct Located {
    key: usize,
    value: usize,
    inside: BTreeMap<String, Located>,
}

impl Located {
    /// The depth is bounded by the TOML reader's own limit.
    fn of(key: usize, value: &Spanned<DeValue<'_>>) -> Self {
        let item = |(index, value): (usize, &Spanned<DeValue<'_>>)| {
            (index.to_string(), Self::of(value.span().start, value))
        };
        let inside = match value.get_ref() {
            DeValue::Table(table) => table
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), Self::of(key.span().start, value)))
                .collect(),
            DeValue::Array(items) => items.iter().enumerate().map(item).collect(),
            _ => BTreeMap::new(),
        };
        Self {
            key,
            value: value.span().start,
            inside,
        }
    }

    fn at(&self, path: &[&str]) -> &Self {
        let mut at = self;
        for step in path {
            let Some(inner) = at.inside.get(*step) else {
                break;
            };
            at = inner;
        }
        at
    }
}

impl Claim {
    /// Whether it is a new claim and not one that ships.
    pub fn is_new(&self) -> bool {
        self.statement.is_some()
    }

    /// Where a value of the definition stands: keys, and indices of arrays, from the outermost. A path
    /// that leads to nothing has the place of the last step that there is.
    pub fn place_of(&self, path: &[&str]) -> Place {
        self.text.place(self.located.at(path).value)
    }

    /// Where the key of that value stands; of an item of an array, the item.
    pub fn key_place_of(&self, path: &[&str]) -> Place {
        self.text.place(self.located.at(path).key)
    }
}

impl Claim {
    /// The claim to judge: the one that ships, in the chosen wording and with the parameters that are
    /// given here, or the new one.
    ///
    /// # Errors
    /// When there is no such claim or wording, or the new one is none.
    pub fn to_judge(&self) -> Result<Definition, Error> {
        let ids: Vec<&str> = definition::shipped()
            .iter()
            .map(|c| c.id.as_str())
            .collect();
        self.check_id(&ids)?;
        let shipped = definition::shipped().iter().find(|own| own.id == self.id);
        let claim = match shipped {
            Some(shipped) => self.adapted(shipped)?,
            None => Definition::deserialize(toml::Value::Table(self.definition.clone())).map_err(
                |e| {
                    self.place
                        .error(text::terminal(e.message()))
                        .advise("write it as 'drone-audit emit case-schema' has it")
                },
            )?,
        };
        let Some(problem) = claim.problem() else {
            return Ok(claim);
        };
        let place = if self.is_new() {
            self.place.clone()
        } else {
            // Nothing else of a claim that ships can be wrong.
            self.place_of(&["parameters"])
        };
        let problem = text::terminal(&problem);
        let (what, advice) = problem
            .rsplit_once("; ")
            .unwrap_or((&problem, "correct it"));
        Err(place.error(what).advise(advice))
    }

    /// A claim that ships, as this entry wants it.
    fn adapted(&self, shipped: &Definition) -> Result<Definition, Error> {
        const KEYS: [&str; 3] = ["id", "preset", "parameters"];
        if let Some(key) = self
            .definition
            .keys()
            .find(|key| !KEYS.contains(&key.as_str()))
        {
            let what = format!(
                "{key} cannot be changed in the claim '{}', which ships",
                self.id
            );
            let place = self.key_place_of(&[key]);
            return Err(place.error(what).advise(
                "only preset and parameters can; a new claim has its own id, statement and source",
            ));
        }
        let mut claim = match &self.preset {
            None => shipped.clone(),
            Some(name) => shipped.in_words_of(name).ok_or_else(|| {
                let known: Vec<&str> = shipped.presets.iter().map(|p| p.name.as_str()).collect();
                let advice = if known.is_empty() {
                    "leave out preset: it has one wording".to_owned()
                } else {
                    value::unknown(name, &known)
                };
                self.place_of(&["preset"])
                    .error(format!("the claim '{}' has no preset '{name}'", self.id))
                    .advise(advice)
            })?,
        };
        let Some(given) = self.definition.get("parameters") else {
            return Ok(claim);
        };
        // Every field by name, so that a new one cannot be forgotten here.
        let Parameters {
            upload_min_bytes,
            upload_ratio,
            exempt_modules,
        } = Parameters::deserialize(given.clone()).map_err(|e| {
            self.place_of(&["parameters"])
                .error(text::terminal(e.message()))
                .advise("write it as 'drone-audit emit case-schema' has it")
        })?;
        if given.get("upload_min_bytes").is_some() {
            claim.parameters.upload_min_bytes = upload_min_bytes;
        }
        if given.get("upload_ratio").is_some() {
            claim.parameters.upload_ratio = upload_ratio;
        }
        if given.get("exempt_modules").is_some() {
            claim.parameters.exempt_modules = exempt_modules;
        }
        Ok(claim)
    }
}

impl Claim {
    /// Refuses an entry that names none of the claims that ship and defines none, or defines one of
    /// them anew.
    fn check_id(&self, shipped: &[&str]) -> Result<(), Error> {
        let place = self.place_of(&["id"]);
        match (shipped.contains(&self.id.as_str()), self.is_new()) {
            (true, true) => Err(place
                .error(format!("the claim '{}' ships with the program", self.id))
                .advise("give the new claim another id, or leave out statement and source")),
            (false, false) => {
                let what = format!("no claim '{}' ships with the program", self.id);
                let advice = value::unknown(&self.id, shipped);
                let advice = format!("{advice}; a new claim has statement and source");
                Err(place.error(what).advise(advice))
            }
            _ => Ok(()),
        }
    }
}

impl CaseFile {
    /// Refuses allowances for claims that there are not: they would silently allow nothing. `shipped`
    /// are the ids of the claims that ship; those that the file defines are known too.
    ///
    /// # Errors
    /// Where such an id stands; also where a claim that ships is defined anew, or an entry names none
    /// that ships and defines none.
    pub fn check_claims(&self, shipped: &[&str]) -> Result<(), Error> {
        self.claims
            .iter()
            .try_for_each(|claim| claim.check_id(shipped))?;
        let own = self.claims.iter().map(|claim| claim.id.as_str());
        let known: Vec<&str> = shipped.iter().copied().chain(own).collect();
        for allowance in &self.allowances {
            for (claim, place) in allowance.claims.iter().zip(&allowance.claim_places) {
                if !known.contains(&claim.as_str()) {
                    return Err(place
                        .error(format!("there is no claim '{claim}'"))
                        .advise(value::unknown(claim, &known)));
                }
            }
        }
        Ok(())
    }
}

impl CaseFile {
    /// Refuses rules about events that the log does not have, or has without a length: such a rule
    /// would fit nothing, or everything. No share at all is a fact like any other.
    ///
    /// # Errors
    /// The first such event of a claim that the file defines.
    pub fn check_events(&self, claim: &Claim, definition: &Definition) -> Result<(), Error> {
        for (index, rule) in definition.rules.iter().enumerate() {
            let index = index.to_string();
            for (key, kinds) in [
                ("inside_events", &rule.inside_events),
                ("outside_events", &rule.outside_events),
            ] {
                for (at, kind) in kinds.iter().enumerate() {
                    let mut events = self.events.iter().filter(|e| e.kind.id() == kind);
                    let outside_shares = key == "outside_events" && *kind == EventKind::Share.id();
                    if outside_shares || events.any(|e| e.until.is_some()) {
                        continue;
                    }
                    let place = claim.place_of(&["rule", &index, key, &at.to_string()]);
                    let what = format!("the log has no event {} with a length", quoted(kind));
                    return Err(place.error(what).advise(
                        "add [[events]] with this kind and `for` or `until`, or name another kind",
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The entries of `[[claims]]` as they stand, with the places of all that is in them.
pub(super) fn definitions(
    text: &Text,
    root: &DeTable<'_>,
) -> Result<Vec<(toml::Table, Located)>, Error> {
    let claims = root
        .get("claims")
        .and_then(|claims| claims.get_ref().as_array());
    claims
        .into_iter()
        .flat_map(|claims| claims.iter())
        .map(|claim| {
            let reader = ValueDeserializer::from(claim.clone());
            let table = toml::Table::deserialize(reader).map_err(|e| unreadable(text, &e))?;
            Ok((table, Located::of(claim.span().start, claim)))
        })
        .collect()
}

pub(super) fn read(
    text: &Arc<Text>,
    ids: &mut Ids,
    raw: raw::Claim,
    (definition, located): (toml::Table, Located),
) -> Result<Claim, Error> {
    ids.add(text, "the claim", &raw.id)?;
    let id = value::word(text, "id", &raw.id)?;
    match (&raw.statement, &raw.source, &raw.preset) {
        (Some(given), None, _) | (None, Some(given), _) => {
            let (has, lacks) = if raw.statement.is_some() {
                ("statement", "source")
            } else {
                ("source", "statement")
            };
            return Err(text
                .error(
                    &given.span,
                    format!("the claim '{id}' has a {has} and no {lacks}"),
                )
                .advise("a new claim has both, one that ships has neither"));
        }
        (Some(_), Some(_), Some(preset)) => {
            return Err(text
                .error(&preset.span, format!("the new claim '{id}' has a preset"))
                .advise("presets are wordings of claims that ship: leave out preset, or statement and source"));
        }
        _ => {}
    }
    Ok(Claim {
        preset: optional(&raw.preset, |preset| value::word(text, "preset", preset))?,
        parameters: raw.parameters,
        statement: optional(&raw.statement, |spot| {
            value::filled(text, "statement", spot)
        })?,
        source: optional(&raw.source, |spot| value::filled(text, "source", spot))?,
        definition,
        id,
        place: text.place(located.value),
        located,
        text: Arc::clone(text),
    })
}
