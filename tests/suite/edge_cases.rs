//! The hundred ways in which an audit of a capture goes wrong, and what shows each: a capture of `fixtures/` with what it must give
//! (`cases.jsonl`), or a test by name. Where nothing shows a case, the reason stands there.
//!
//! Numbers and groups are those of the list that the project began with: names hidden or wrong (1 to 40), addresses (41 to 59), packaging
//! (60 to 85), attribution and intent (86 to 100).

use crate::support::fixtures;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What shows a case.
enum By {
    /// A capture among the fixtures, by its path without ending.
    Capture(&'static str),
    /// A test, by its name.
    Test(&'static str),
    /// Nothing, and why.
    Nothing(&'static str),
}

use By::{Capture as C, Nothing, Test as T};

#[rustfmt::skip]
const CASES: [(&str, &[By]); 100] = [
    ("server name in the second segment", &[C("edge/pq-two-segments"), C("labelled/tls-hello-two-segments-pq")]),
    ("a hello over several records", &[C("edge/records-of-1-byte"), C("edge/records-of-50-bytes")]),
    ("segments reversed or sent again", &[C("edge/reversed-segments"), C("edge/first-segment-twice")]),
    ("an overlapping copy with another name", &[C("edge/overlap-conflict"), T("of_conflicting_copies_every_name_is_listed_and_the_strongest_counts")]),
    ("decoys with a bad checksum", &[C("edge/decoy-checksum"), C("edge/rst-bad-checksum"), T("a_forged_segment_is_no_evidence_wherever_it_stands")]),
    ("a hello inside the SYN", &[C("edge/hello-in-syn"), C("labelled/tls-fast-open")]),
    ("only the second hello after a retry", &[C("labelled/tls-hello-retry-request"), T("the_hello_after_a_retry_is_read")]),
    ("the name is in the certificate only", &[C("labelled/tls12-name-only-in-certificate")]),
    ("no name at all", &[C("labelled/tls-midstream-no-name"), C("edge/mid-stream")]),
    ("a local name at a public address", &[C("labelled/tls-local-name-public-address")]),
    ("a region in the name, another by the address", &[C("labelled/claim-cn-region-of-shared-store"), C("labelled/os-name-at-foreign-address")]),
    ("odd forms of a name", &[T("dots_controls_and_case_inside_labels_survive_as_text"), T("a_host_name_shows_letters_that_only_look_latin")]),
    ("an encrypted hello", &[C("labelled/tls-ech-real"), T("encrypted_client_hello_forms")]),
    ("a dummy of an encrypted hello", &[C("labelled/tls-ech-grease"), T("encrypted_hellos_are_told_from_dummies_by_what_dns_said")]),
    ("a QUIC hello in two Initials, shuffled", &[C("labelled/quic-v1-hello-in-two-initials"), C("lab/chrome")]),
    ("QUIC version 2 and a change of version", &[C("lab/quic-v2"), T("retry_and_change_of_version_change_the_keys")]),
    ("the second Initial first, retry, coalesced, drafts", &[C("edge/quic-second-initial-first"), T("coalesced_packets_and_what_follows_them"), T("google_versions")]),
    ("short headers of QUIC only", &[C("labelled/quic-short-header-only"), C("edge/quic-other-port")]),
    ("a QUIC connection goes on elsewhere", &[T("a_connection_goes_on_elsewhere")]),
    ("UDP to 443 that is no QUIC", &[T("what_is_claimed_and_broken_leaves_a_gap"), C("edge/unsolicited-udp"), T("datagrams_to_the_port_of_quic_that_are_none_are_internet_without_a_protocol")]),
    ("a DTLS hello in fragments", &[T("any_order_with_overlaps_and_doubles")]),
    ("protocols on ports of others", &[C("labelled/http-on-port-8080"), T("a_stream_names_its_server_on_any_port_however_it_is_cut")]),
    ("a local Host field at a public address", &[C("labelled/word-in-local-host-header")]),
    ("a second request to another host", &[C("labelled/http-second-request-other-host")]),
    ("CONNECT to a proxy on the LAN", &[C("edge/connect-lan-proxy"), C("labelled/http-connect-through-lan-proxy")]),
    ("SOCKS with a name", &[C("edge/socks5-name"), C("edge/socks4a"), C("labelled/socks5-name-through-lan-proxy")]),
    ("mail behind STARTTLS", &[T("a_hello_behind_a_request_for_tls_accuses_and_leaves_its_fingerprint")]),
    ("an RTMP address across a chunk", &[C("lab/rtmp"), T("the_url_comes_whole_out_of_any_chunks")]),
    ("RTSP and the RTP beside it", &[T("the_request_uri_names_the_server"), C("labelled/honest-rtsp-from-aircraft")]),
    ("a SIP registration in public", &[C("labelled/sip-register-public")]),
    ("MQTT in clear and over WebSocket", &[C("lab/mqtt"), C("labelled/mqtt-plain-named-by-dns"), T("web_sockets_masked_and_packed")]),
    ("encrypted DNS, then flows without a name", &[C("labelled/dns-over-tls-then-unnamed"), T("dns_over_https_hides_what_it_asks_and_a_vendors_name_accuses_all_the_same")]),
    ("a chain of aliases", &[C("labelled/dns-cname-chain"), T("a_captured_alias_leads_to_the_asked_name")]),
    ("an answer after the flow, or for two names", &[C("labelled/unasked-answer-names-address-of-later-flow")]),
    ("DNS over TCP, and compression loops", &[C("labelled/dns-over-tcp"), T("hostile_counts_and_noise_cost_nothing")]),
    ("an address hint in an HTTPS record", &[C("labelled/dns-https-record-hint"), T("https_hints_lead_to_the_asked_name_and_the_target_is_an_alias")]),
    ("a name block of the file", &[C("labelled/name-block-is-not-evidence")]),
    ("an mDNS answer for a vendor's name", &[T("an_answer_that_nobody_asked_for_is_listed_and_accuses_nobody"), C("labelled/honest-mdns-and-private-names")]),
    ("invented addresses of a VPN app", &[C("tunnel/fake-ip"), T("addresses_that_vpn_apps_hand_out_are_relayed_under_a_public_name")]),
    ("no lookup was ever made", &[C("labelled/claim-unshared-unattributed-upload"), T("an_address_that_nobody_ever_asked_for_is_internet_by_address_alone")]),
    ("translated addresses", &[C("edge/nat64"), C("tunnel/nat64-announced"), C("labelled/addr-nat64-vendor")]),
    ("a source of CLAT", &[C("edge/clat-source")]),
    ("a public address on the link, of the aircraft", &[C("labelled/addr-gua-on-link-drone")]),
    ("the same network behind the router", &[C("edge/gua-off-link"), C("labelled/addr-gua-via-router")]),
    ("a public address without a link", &[C("edge/gua-without-proof")]),
    ("public addresses used on a LAN", &[C("labelled/addr-squat-without-local-option"), C("labelled/addr-local-option")]),
    ("edges of the private ranges", &[C("labelled/addr-private-ranges-honest"), T("lookup_agrees_with_the_rows_at_every_edge")]),
    ("shared address space", &[C("tunnel/tailscale-to-lan")]),
    ("IPv4 addresses inside IPv6 ones", &[C("edge/6to4-and-mapped"), C("tunnel/teredo"), T("carried_ipv4_addresses")]),
    ("link-local metadata and old relays", &[T("special_purpose_addresses_have_no_place"), C("labelled/destination-192-0-0-1")]),
    ("multicast of the link and beyond", &[C("labelled/addr-multicast-broadcast-honest"), C("labelled/link-multicast-from-global-address")]),
    ("broadcasts and DHCP", &[C("labelled/addr-multicast-broadcast-honest"), C("labelled/dhcp-mask-zero-from-aircraft")]),
    ("addresses that cannot be", &[T("lookup_agrees_with_the_rows_at_every_edge")]),
    ("source routes", &[C("edge/source-route"), C("edge/segment-routing")]),
    ("traffic that only came in", &[C("edge/unsolicited-udp"), C("labelled/unsolicited-inbound"), T("what_only_came_in_moves_nothing_until_it_is_answered")]),
    ("two strangers", &[C("labelled/other-device-on-hotspot")]),
    ("other protocols of IP", &[T("other_protocol_numbers"), C("labelled/hostile-garbage-frames"), T("every_protocol_number_of_ip_to_a_public_address_is_internet")]),
    ("the aircraft has its own way out", &[Nothing("a capture of the phone cannot show it: the guide to recording says so (`explain recording`)")]),
    ("anycast has no country", &[T("anycast_has_candidates_but_no_country")]),
    ("tags, PPPoE, MPLS, SNAP", &[C("link/qinq"), C("link/vlan"), C("labelled/link-vlan"), T("tags_and_snap_lead_to_the_packet_and_strangers_are_unreadable")]),
    ("tunnels in clear", &[C("edge/ipip-to-lan"), C("tunnel/vxlan"), C("tunnel/geneve"), C("tunnel/gtp-u"), C("tunnel/l2tp"), C("tunnel/pptp")]),
    ("opaque tunnels", &[C("edge/wireguard-to-internet"), C("edge/wireguard-to-lan"), C("tunnel/esp-to-lan"), C("tunnel/openvpn-to-lan")]),
    ("WireGuard to the router", &[C("labelled/wireguard-to-private")]),
    ("the first fragment is missing", &[C("edge/fragments-without-first")]),
    ("fragments that overlap, or never end", &[T("of_fragments_that_differ_every_reading_counts"), T("no_attack_costs_more_than_its_bytes_or_hides_a_contact")]),
    ("headers of IPv6 in front", &[C("edge/v6-extension-headers")]),
    ("odd handshakes", &[C("edge/hello-in-syn"), T("a_syn_begins_the_numbering"), T("nothing_around_a_known_contact_makes_the_answer_consistent")]),
    ("payload in ICMP, and attempts that errors quote", &[C("edge/icmp-payload"), C("edge/icmp-quotes-attempt"), C("labelled/icmp-error-carries-60-kB-to-outside")]),
    ("a tunnel through DNS", &[C("labelled/dns-tunnel-under-pool-ntp-org-at-vendor-server"), T("data_in_labels_counts_as_sent")]),
    ("a total length of zero", &[C("edge/total-length-zero")]),
    ("padding, trailers and check sequences", &[C("link/ethernet-fcs"), T("padding_and_check_sequence_are_no_payload"), T("a_trailer_inside_a_packet_is_payload")]),
    ("packets larger than the link", &[C("labelled/claim-five-megabyte-post"), T("packets_larger_than_any_link_count_to_the_byte")]),
    ("copies of packets", &[T("copies_of_frames_tell_whose_they_are"), T("a_packet_seen_elsewhere_is_the_same_one")]),
    ("several links and sections in a file", &[C("link/two-sections"), C("link/sll-radiotap")]),
    ("link types that lie", &[C("link/raw-dlt12"), C("labelled/link-raw101"), T("any_link_type_may_follow_but_not_another_such_header")]),
    ("old and odd forms of files", &[C("link/simple-packets"), C("labelled/ng-big-endian"), T("odd_records_are_all_read")]),
    ("blocks and options that nobody knows", &[T("blocks_that_a_packet_could_hide_in_acquit_nothing")]),
    ("the last record is cut", &[C("labelled/truncated-last-record"), C("link/cut-mid-record")]),
    ("files one behind the other", &[T("no_fixture_costs_more_than_its_bytes_however_often_it_comes"), C("labelled/damaged-middle-then-vendor")]),
    ("bundles and protection on the air", &[C("link/wifi-amsdu"), C("link/wifi-protected"), T("every_cipher_is_opened")]),
    ("several messages in a USB transfer", &[C("link/usbmon-rndis"), C("link/usbpcap-rndis")]),
    ("a capture inside a capture", &[C("tunnel/ip-in-udp"), C("labelled/link-user150-serial-dump")]),
    ("mirrored packets", &[C("tunnel/tzsp"), C("tunnel/erspan")]),
    ("both versions of PKTAP", &[C("labelled/pktap-process"), T("both_versions_name_direction_interface_and_processes")]),
    ("a process that another section numbers", &[T("nothing_is_numbered_behind_skipped_bytes_or_past_the_limit"), T("every_block_takes_its_place_and_a_number_without_one_names_nobody")]),
    ("traffic of the system", &[C("labelled/os-background-only"), C("labelled/os-names-of-other-systems")]),
    ("the system asks for the app", &[C("labelled/pcapdroid-dns-of-telephone-uid"), T("agents_are_known_by_uid_in_every_android_user")]),
    ("names of processes that were cut", &[T("a_cut_name_matches_only_as_cut")]),
    ("a user id that two packages share", &[T("apps_are_found_by_each_kind_of_name_and_by_no_other"), C("labelled/labelled-subprocess-of-app-same-uid")]),
    ("a page that a person opened", &[T("hosts_that_browsers_open_are_marked"), T("a_name_of_a_certificate_and_a_browsers_host_are_less_sure")]),
    ("tails of flows from before the window", &[C("labelled/window-tail-only"), C("labelled/window-old-flow-new-payload"), C("labelled/window-after-flow-tail-only")]),
    ("attempts without an answer", &[C("edge/syn-only"), C("labelled/syn-without-answer"), C("labelled/syn-refused-by-router")]),
    ("a local proxy accepts for the far end", &[C("tunnel/pcapdroid-resolver"), C("labelled/pcapdroid-trailer-app")]),
    ("scans and backscatter", &[C("labelled/scanner-asks-our-public-address-ethernet"), C("labelled/scanner-asks-public-ipv4-phone-says-unreachable")]),
    ("a clock that steps", &[T("a_step_back_over_the_edge_of_a_window_is_a_gap"), T("a_capture_an_hour_slow_is_told_by_the_clocks_in_it")]),
    ("names that are led to the site", &[C("labelled/dns-hijacked-to-local-address")]),
    ("the aircraft answers every lookup itself", &[C("labelled/dns-hijacked-to-local-address"), C("labelled/lookup-only")]),
    ("a server on the site with a public name", &[C("labelled/honest-tls-to-lan-camera"), C("labelled/local-option-covers-vendor-certificate")]),
    ("another machine on the hotspot", &[C("labelled/other-device-on-hotspot"), C("labelled/declared-hotspot-phone-dot-for-laptop")]),
    ("nothing of the app at all", &[C("labelled/zero-packets"), C("labelled/coverage-no-app-activity")]),
];

/// Names of tests in the files of a folder, and of those below.
fn tests(folder: &Path, out: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            tests(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).expect("it can be read");
            let mut is_test = false;
            for line in text.lines().map(str::trim) {
                if line == "#[test]" {
                    is_test = true;
                } else if let Some(rest) = line.strip_prefix("fn ") {
                    if is_test {
                        out.extend(rest.split('(').next().map(str::to_owned));
                    }
                    is_test = false;
                }
            }
        }
    }
}

#[test]
fn each_of_the_hundred_cases_is_shown_by_something_that_exists() {
    let root = fixtures().join("..");
    let mut known = BTreeSet::new();
    tests(&root.join("src"), &mut known);
    tests(&root.join("tests/suite"), &mut known);
    let listed = fs::read_to_string(fixtures().join("cases.jsonl")).expect("the list of cases");
    let mut wrong = Vec::new();
    for (number, (what, by)) in CASES.iter().enumerate() {
        if by.is_empty() {
            wrong.push(format!("{}: {what}: nothing", number + 1));
        }
        for by in *by {
            let shown = match by {
                By::Capture(path) => {
                    let there = |ending: &str| listed.contains(&format!("\"{path}{ending}\""));
                    [".pcap", ".pcapng", ".pcap.gz"].iter().any(|e| there(e))
                }
                By::Test(name) => known.contains(*name),
                By::Nothing(why) => !why.is_empty(),
            };
            if !shown {
                let (By::Capture(name) | By::Test(name) | By::Nothing(name)) = by;
                wrong.push(format!("{}: {what}: {name} is not there", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
