//! HTTPS and SVCB records: where a service runs, under which addresses, and with which Encrypted Client Hello keys.
//!
//! RFC 9460 §2.2 (record form), §7 (parameters); RFC 9849 §4 (ECHConfigList). A parameter that breaks its own form is
//! skipped and marks the record damaged; the others are kept. Whether a client used a hint cannot be told from here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::name::Name;
use crate::ground::host_name::{HostName, printable};
use crate::observe::dissect::wire::Reader;

/// SvcParamKeys (RFC 9460 §14.3.2; `ech`: RFC 9848 §3).
mod key {
    pub(super) const ALPN: u16 = 1;
    pub(super) const PORT: u16 = 3;
    pub(super) const IPV4_HINT: u16 = 4;
    pub(super) const ECH: u16 = 5;
    pub(super) const IPV6_HINT: u16 = 6;
}

/// The version of ECHConfig that RFC 9849 §4 defines; others are skipped by their length.
const ECH_VERSION: u16 = 0xfe0d;

/// The data of one HTTPS or SVCB record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceBinding {
    /// 0 is alias mode: the target is another name to ask. Anything else is service mode.
    pub priority: u16,
    /// The alias, or the host of the service. The root (`.`) stands for the owner in service mode.
    pub target: Name,
    /// Application protocols, printable ASCII in lower case and the rest as `\DDD`.
    pub alpn: Vec<String>,
    /// Port, if not the scheme's own.
    pub port: Option<u16>,
    /// Addresses that a client may use before it has asked for them (`ipv4hint`, then `ipv6hint`).
    pub hints: Vec<IpAddr>,
    /// Encrypted Client Hello keys, if offered.
    pub ech: Option<EchOffer>,
    /// A parameter broke its form, or they were out of order or cut.
    pub damaged: bool,
}

/// An `ech` parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EchOffer {
    /// The names that a ClientHello with these keys shows in place of the real one; empty if the list does not parse.
    pub public_names: Vec<String>,
}

impl ServiceBinding {
    /// Reads record data; `message` is needed for names that are compressed against the standard.
    pub fn read<'a>(data: Reader<'a>, end: usize, message: &'a [u8]) -> Option<Self> {
        let mut reader = data;
        let priority = reader.u16()?;
        let target = Name::read(&mut reader, message)?;
        let mut parameters = Reader::new(message.get(reader.position()..end)?);
        let mut binding = Self {
            priority,
            target,
            alpn: Vec::new(),
            port: None,
            hints: Vec::new(),
            ech: None,
            damaged: false,
        };
        let mut last = None;
        while !parameters.is_empty() {
            let (Some(key), Some(value)) = (parameters.u16(), parameters.vector16()) else {
                binding.damaged = true;
                break;
            };
            // Keys ascend and none stands twice (§2.2).
            binding.damaged |= last.is_some_and(|previous| previous >= key);
            last = Some(key);
            binding.damaged |= binding.take(key, value).is_none();
        }
        Some(binding)
    }

    fn take(&mut self, key: u16, value: &[u8]) -> Option<()> {
        match key {
            key::ALPN => {
                let mut list = Reader::new(value);
                while !list.is_empty() {
                    self.alpn.push(printable(list.vector8()?));
                }
            }
            key::PORT => self.port = Some(u16::from_be_bytes(value.try_into().ok()?)),
            key::IPV4_HINT => {
                let (addresses, rest) = value.as_chunks::<4>();
                self.hints
                    .extend(addresses.iter().map(|a| IpAddr::from(Ipv4Addr::from(*a))));
                return (rest.is_empty() && !addresses.is_empty()).then_some(());
            }
            key::IPV6_HINT => {
                let (addresses, rest) = value.as_chunks::<16>();
                self.hints
                    .extend(addresses.iter().map(|a| IpAddr::from(Ipv6Addr::from(*a))));
                return (rest.is_empty() && !addresses.is_empty()).then_some(());
            }
            key::ECH => {
                let names = ech_public_names(value);
                let sound = names.is_some();
                self.ech = Some(EchOffer {
                    public_names: names.unwrap_or_default(),
                });
                return sound.then_some(());
            }
            _ => {}
        }
        Some(())
    }
}

/// The public names of an ECHConfigList (RFC 9849 §4), without repeats; `None` if the list breaks its form.
pub fn ech_public_names(list: &[u8]) -> Option<Vec<String>> {
    let mut outer = Reader::new(list);
    let mut configs = Reader::new(outer.vector16()?);
    if !outer.is_empty() || configs.is_empty() {
        return None;
    }
    let mut names = Vec::new();
    while !configs.is_empty() {
        let version = configs.u16()?;
        let mut contents = Reader::new(configs.vector16()?);
        if version != ECH_VERSION {
            continue;
        }
        let _config_id = contents.u8()?;
        let _kem = contents.u16()?;
        let _public_key = contents.vector16()?;
        let _cipher_suites = contents.vector16()?;
        let _maximum_name_length = contents.u8()?;
        if let HostName::Name { text, .. } = HostName::read(contents.vector8()?)
            && !names.contains(&text)
        {
            names.push(text);
        }
        let _extensions = contents.vector16()?;
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &[u8]) -> Option<ServiceBinding> {
        ServiceBinding::read(Reader::new(data), data.len(), data)
    }

    /// RFC 9460 appendix D: the test vectors for valid records, and the damage of appendix D.3.
    #[test]
    fn rfc_9460_appendix_d() {
        let alias = read(b"\x00\x00\x03foo\x07example\x03com\x00").unwrap();
        assert_eq!(
            (alias.priority, alias.target.as_str(), alias.damaged),
            (0, "foo.example.com", false)
        );

        let owner = read(b"\x00\x01\x00").unwrap();
        assert_eq!(
            (owner.priority, owner.target.is_root(), owner.damaged),
            (1, true, false)
        );

        let port = read(b"\x00\x10\x03foo\x07example\x03com\x00\x00\x03\x00\x02\x00\x35").unwrap();
        assert_eq!((port.priority, port.port), (16, Some(53)));

        let generic =
            read(b"\x00\x01\x03foo\x07example\x03com\x00\x02\x9b\x00\x09hello\xd2qoo").unwrap();
        assert!(!generic.damaged, "unknown keys are legal");

        let mut hints = b"\x00\x01\x03foo\x07example\x03com\x00\x00\x06\x00\x20".to_vec();
        hints.extend([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        hints.extend([
            0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53, 0, 1,
        ]);
        let hints = read(&hints).unwrap().hints;
        assert_eq!(
            hints,
            ["2001:db8::1", "2001:db8::53:1"].map(|a| a.parse::<IpAddr>().unwrap())
        );

        // The mandatory key (0) with alpn and ipv4hint: "h2", "h3-19", 192.0.2.1.
        let mandatory = b"\x00\x10\x03foo\x07example\x03org\x00\x00\x00\x00\x04\x00\x01\x00\x04\
            \x00\x01\x00\x09\x02h2\x05h3-19\x00\x04\x00\x04\xc0\x00\x02\x01";
        let mandatory = read(mandatory).unwrap();
        assert_eq!(mandatory.alpn, ["h2", "h3-19"]);
        assert_eq!(mandatory.hints, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        assert!(!mandatory.damaged);

        // alpn "f\oo,bar","h2": a byte that is not printable as such stays visible.
        let escaped =
            read(b"\x00\x10\x03foo\x07example\x03org\x00\x00\x01\x00\x0c\x08f\\oo,bar\x02h2")
                .unwrap();
        assert_eq!(escaped.alpn, ["f\\092oo,bar", "h2"]);

        let twice = read(b"\x00\x01\x00\x00\x03\x00\x02\x00\x35\x00\x03\x00\x02\x00\x36").unwrap();
        assert!(twice.damaged, "D.3: key given twice");
    }

    #[test]
    fn a_broken_parameter_does_not_hide_the_next_and_ech_names_its_public_name() {
        // id, KEM X25519, key, one cipher suite, no padding hint, name, no extensions
        let contents = b"\x2a\x00\x20\x00\x04\x01\x02\x03\x04\x00\x04\x00\x01\x00\x01\x00\x0ePublic.example\x00\x00";
        let mut list = vec![0x12, 0x34, 0x00, 0x01, 0xff]; // a version nobody knows comes first
        list.extend(ECH_VERSION.to_be_bytes());
        list.extend(u16::try_from(contents.len()).unwrap().to_be_bytes());
        list.extend(contents);
        let mut full = u16::try_from(list.len()).unwrap().to_be_bytes().to_vec();
        full.extend(&list);
        assert_eq!(
            ech_public_names(&full).as_deref(),
            Some(&["public.example".to_owned()][..])
        );
        for cut in 0..full.len() {
            assert_eq!(ech_public_names(&full[..cut]), None, "cut at {cut}");
        }

        let mut record = b"\x00\x01\x00\x00\x04\x00\x03\xc0\x00\x02".to_vec(); // ipv4hint of three bytes
        record.extend([0, 5]);
        record.extend(u16::try_from(full.len()).unwrap().to_be_bytes());
        record.extend(&full);
        let binding = read(&record).unwrap();
        assert!(binding.damaged && binding.hints.is_empty());
        assert_eq!(binding.ech.unwrap().public_names, ["public.example"]);
    }
}
