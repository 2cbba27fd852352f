//! Closed lists of words: what a program says and what a report reads back are one definition.
//!
//! [`vocabulary!`](crate::vocabulary) makes an enum of words: its ids, the order of its variants, reading it by its id,
//! serde and, for the tests that make schemas, a JSON schema. A word that is not of the list is refused on reading, with the words that are.
//! Where later versions may add words (the contract welcomes them) a report holds [`Open`], which keeps
//! what it does not know and repeats it as it stands.

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// Columns of a foreign word that a message repeats.
const SHOWN_MAX: usize = 40;

/// A closed list of words.
pub trait Vocabulary: Copy + Eq + Ord + fmt::Display + 'static {
    /// What a word of it is called in messages.
    const NOUN: &'static str;
    /// Every word, in the order of the definition.
    const EVERY: &'static [Self];

    /// The word.
    fn word(self) -> &'static str;

    /// The one with that word.
    fn of(word: &str) -> Option<Self> {
        Self::EVERY.iter().copied().find(|one| one.word() == word)
    }

    /// The words, for messages.
    fn words() -> String {
        let all: Vec<&str> = Self::EVERY.iter().map(|one| one.word()).collect();
        all.join(", ")
    }
}

/// Reads a word of a closed list.
///
/// # Errors
/// When it is none of the list.
pub fn read<'de, V: Vocabulary, D: Deserializer<'de>>(from: D) -> Result<V, D::Error> {
    struct Words<V>(PhantomData<V>);

    impl<V: Vocabulary> Visitor<'_> for Words<V> {
        type Value = V;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a {} ({})", V::NOUN, V::words())
        }

        fn visit_str<E: Error>(self, word: &str) -> Result<V, E> {
            V::of(word).ok_or_else(|| {
                E::custom(format!(
                    "'{}' is no {} that this version knows ({})",
                    super::text::shorten(word, SHOWN_MAX),
                    V::NOUN,
                    V::words()
                ))
            })
        }
    }

    from.deserialize_str(Words(PhantomData))
}

/// A word of a list that later versions may add to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Open<V> {
    /// One that this version knows.
    Known(V),
    /// One of a later version, as it stands in the report.
    Later(Box<str>),
}

impl<V: Vocabulary> Open<V> {
    /// The word.
    pub fn word(&self) -> &str {
        match self {
            Self::Known(one) => one.word(),
            Self::Later(word) => word,
        }
    }

    /// The one of this version's list.
    pub fn known(&self) -> Option<V> {
        match self {
            Self::Known(one) => Some(*one),
            Self::Later(_) => None,
        }
    }
}

impl<V> From<V> for Open<V> {
    fn from(one: V) -> Self {
        Self::Known(one)
    }
}

impl<V: Vocabulary> fmt::Display for Open<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl<V: Vocabulary> Serialize for Open<V> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.word())
    }
}

impl<'de, V: Vocabulary> Deserialize<'de> for Open<V> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let word = Box::<str>::deserialize(from)?;
        Ok(V::of(&word).map_or(Self::Later(word), Self::Known))
    }
}

/// Defines an enum of words; see [`Vocabulary`].
#[macro_export]
macro_rules! vocabulary {
    (
        $(#[$meta:meta])*
        $noun:literal pub enum $name:ident {
            $($(#[$doc:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// All of them, in this order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word in reports and tables.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl $crate::ground::vocabulary::Vocabulary for $name {
            const NOUN: &'static str = $noun;
            const EVERY: &'static [Self] = Self::ALL;

            fn word(self) -> &'static str {
                self.id()
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.id())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.id())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::ground::vocabulary::read(from)
            }
        }

        #[cfg(test)]
        impl ::schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                $crate::ground::schema::words::<Self>()
            }
        }
    };
}

#[cfg(test)]
#[allow(clippy::unwrap_used, unreachable_pub)]
mod tests {
    use super::*;

    vocabulary! {
        /// Two words.
        "colour" pub enum Colour {
            /// As blood.
            Red = "red",
            /// As the sea.
            DeepBlue = "deep-blue",
        }
    }

    #[test]
    fn a_word_is_read_as_it_is_written_and_another_is_refused() {
        for one in Colour::ALL {
            let text = serde_json::to_string(one).unwrap();
            assert_eq!(serde_json::from_str::<Colour>(&text).unwrap(), *one);
            assert_eq!(Colour::of(one.id()), Some(*one));
        }
        let refused = serde_json::from_str::<Colour>("\"green\"").unwrap_err();
        assert!(
            refused
                .to_string()
                .starts_with("'green' is no colour that this version knows (red, deep-blue)"),
            "{refused}"
        );
        assert_eq!(format!("{:>5}|", Colour::Red), "  red|");
    }

    #[test]
    fn an_open_word_is_kept() {
        let read: Vec<Open<Colour>> = serde_json::from_str("[\"red\",\"green\"]").unwrap();
        assert_eq!(read.iter().filter_map(Open::known).count(), 1);
        assert_eq!(serde_json::to_string(&read).unwrap(), "[\"red\",\"green\"]");
    }
}
