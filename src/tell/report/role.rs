//! What a host is for, as a noun in a sentence: `a flight-log server`. The ids stand in the catalog and in the
//! JSON report; a reader who does not know them reads these.

use std::borrow::Cow;

/// Ids of `roles.tsv` and their nouns.
const NOUNS: [(&str, &str); 44] = [
    ("vendor-account", "an account server"),
    ("vendor-activation", "an activation server"),
    ("vendor-backend", "a server"),
    ("vendor-cdn", "a download server"),
    ("vendor-cloud", "a cloud server"),
    ("vendor-crash", "a crash-report server"),
    ("vendor-flightlog", "a flight-log server"),
    ("vendor-geofence", "a geofence server"),
    ("vendor-maps", "a map server"),
    ("vendor-push", "a push server"),
    ("vendor-social", "a sharing site"),
    ("vendor-staging", "a test server"),
    ("vendor-telemetry", "a usage-report server"),
    ("vendor-time", "a time server"),
    ("vendor-update", "an update server"),
    ("vendor-web", "a web site"),
    ("ads", "an advertising server"),
    ("airspace", "an airspace service"),
    ("analytics", "a usage-statistics server"),
    ("captcha", "a captcha server"),
    ("crash", "a crash-report server"),
    ("gnss-assist", "a satellite-data server"),
    ("ground-station", "a flight-app server"),
    ("id-attribution", "a device-identity server"),
    ("livestream", "a live-video server"),
    ("maps", "a map server"),
    ("push", "a push server"),
    ("rtk", "a position-correction server"),
    ("social", "a social-network server"),
    ("weather", "a weather server"),
    ("app-store", "an app store"),
    ("cdn", "a delivery network"),
    ("cloud-compute", "a public cloud server"),
    ("cloud-storage", "a public cloud store"),
    ("dns-resolver", "a public resolver"),
    ("firebase", "a Firebase server"),
    ("google-api", "a Google API server"),
    ("os-push", "a push server of the phone's system"),
    ("os-service", "a server of the phone's system"),
    ("platform", "a server for users of every kind"),
    ("ntp", "a public time server"),
    ("os-connectivity", "an online check of the phone"),
    ("os-time", "a time server of the phone's system"),
    ("os-update", "an update server of the phone's system"),
];

/// The noun of a role; a role of a user's own catalog is called by its id.
pub(super) fn noun(role: &str) -> Cow<'_, str> {
    match NOUNS.iter().find(|(id, _)| *id == role) {
        Some((_, noun)) => Cow::Borrowed(noun),
        None if role == "other" => Cow::Borrowed("a host"),
        None => Cow::Owned(format!("a host of the role {role}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::classify::catalog::roles;

    #[test]
    fn every_role_of_the_catalog_has_a_noun() {
        for role in roles() {
            assert!(!noun(role.id).contains("of the role"), "{}", role.id);
        }
        for (id, _) in NOUNS {
            assert!(roles().iter().any(|role| role.id == id), "{id}");
        }
        assert_eq!(noun("payload-server"), "a host of the role payload-server");
    }
}
