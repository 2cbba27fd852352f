//! What is shown of personal data that must not be repeated: enough to recognise it, too little to use it.

/// First and last character; short ones keep nothing but the first.
pub(super) fn ends(text: &str) -> String {
    /// Below this, two characters would say most of it.
    const LONG: usize = 6;
    let mut characters = text.chars();
    let first = characters.next();
    let last = characters.next_back();
    match (first, last) {
        (Some(first), Some(last)) if text.chars().count() >= LONG => format!("{first}***{last}"),
        (Some(first), _) => format!("{first}***"),
        (None, _) => "***".to_owned(),
    }
}

/// `j***@e***.com`.
pub(super) fn email(text: &str) -> String {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return ends(text);
    };
    let first = |part: &str| part.chars().next().map_or(String::new(), String::from);
    let (host, top) = domain.rsplit_once('.').unwrap_or((domain, ""));
    format!("{}***@{}***.{top}", first(local), first(host))
}

/// A position to the whole degree: about a hundred kilometres.
pub(super) fn position(latitude: f64, longitude: f64) -> String {
    let half = |value: f64, positive: char, negative: char| {
        let letter = if value < 0.0 { negative } else { positive };
        format!("{:.0}°{letter}", value.abs())
    };
    format!(
        "about {} {}",
        half(latitude, 'N', 'S'),
        half(longitude, 'E', 'W')
    )
}

/// A position as it was sent, to the metre.
pub(super) fn exact_position(latitude: f64, longitude: f64) -> String {
    format!("{latitude:.5}, {longitude:.5}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_left() {
        assert_eq!(ends("490154203237518"), "4***8");
        assert_eq!(ends("abc"), "a***");
        assert_eq!(ends(""), "***");
        assert_eq!(email("jones@mail.example.com"), "j***@m***.com");
        assert_eq!(position(38.9, -77.04), "about 39°N 77°W");
    }
}
