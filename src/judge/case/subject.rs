//! Whose traffic is under audit, and what is local: the same values as the options take.

use super::source::{Spot, Text, quoted};
use super::{all, raw};
use crate::ground::declared;
use crate::ground::declared::Device;
use crate::ground::error::Error;
use crate::judge::classify::app_pattern::Pattern;
use ipnet::IpNet;

/// Whose traffic is under audit, and what is local.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subject {
    /// Apps, those given by user id behind those given by name.
    pub apps: Vec<Pattern>,
    /// Devices; `all` only alone.
    pub devices: Vec<Device>,
    /// Further local networks.
    pub local_networks: Vec<IpNet>,
}

/// An app as `--app` takes it.
pub(super) fn app(text: &Text, spot: &Spot<String>) -> Result<Pattern, Error> {
    Pattern::parse(&spot.value).map_err(|what| {
        text.error(&spot.span, what)
            .advise("write a package, process or app name, where * stands for any text, or uid:N")
    })
}

pub(super) fn subject(text: &Text, raw: &raw::Subject) -> Result<Subject, Error> {
    let mut apps = all(&raw.apps, |spot| app(text, spot))?;
    for uid in &raw.uids {
        let pattern = Pattern::parse(&format!("uid:{}", uid.value)).map_err(|_| {
            text.error(&uid.span, format!("{} is no user id of an app", uid.value))
                .advise("write a whole number from 0 to 4294967294, such as 10234")
        })?;
        apps.push(pattern);
    }
    let devices = all(&raw.devices, |spot| {
        let device = Device::parse(&spot.value).map_err(|what| refused(text, spot, &what))?;
        if device == Device::All && raw.devices.len() > 1 {
            return Err(text
                .error(
                    &spot.span,
                    "'all' says that there is no other device, but another is declared",
                )
                .advise("give either \"all\" or addresses"));
        }
        Ok(device)
    })?;
    let local_networks = all(&raw.local_networks, |spot| {
        declared::network(&spot.value).map_err(|what| refused(text, spot, &what))
    })?;
    Ok(Subject {
        apps,
        devices,
        local_networks,
    })
}

/// An error about a declared value, whose sentence may hold its advice already.
pub(super) fn refused(text: &Text, spot: &Spot<String>, what: &str) -> Error {
    let error = text.error(&spot.span, format!("{} {what}", quoted(&spot.value)));
    if what.ends_with(')') {
        error
    } else {
        error.advise("write a smaller one")
    }
}
