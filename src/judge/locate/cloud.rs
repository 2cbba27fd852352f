//! Cloud provider and region that stand in a host name.
//!
//! Providers put the region into the names of regional endpoints, at a place that depends on the
//! domain; labels further left belong to customers and are never read as a region. Which regions
//! exist and where they are: `regions.tsv`, from the providers' own lists. Where they stand in names:
//! `cloud/zone.rs`.
//!
//! Says what a name asserts. Cannot say that the bytes stayed there; global, accelerated and CDN
//! names (`s3.amazonaws.com`, `s3-accelerate`, `oss-accelerate`, CloudFront) name no region.

use std::sync::LazyLock;

use super::network::rows;

mod zone;

use zone::Form::{After, Before, Between, Fixed, Lead, Numbered, Tail, Whole};
use zone::{Rule, ZONES};

/// `set`, `region`, `country`, `source` per row.
static LIST: &str = include_str!("regions.tsv");

/// Longest host name (RFC 1035 §2.3.4, in presentation form without the final dot).
const NAME_MAX: usize = 253;

/// What a host name says about the cloud behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cloud {
    /// Stable id: `aws`, `alibaba`, `tencent`, `huawei`, `azure`, `google`, …
    pub provider: String,
    /// The provider's region id, where the name holds one that is known.
    pub region: Option<String>,
    /// ISO 3166-1 code of the place of that region; without one, of the partition that the domain is.
    pub country: Option<String>,
}

/// A region of `regions.tsv`.
#[derive(Clone, Copy, Debug)]
struct Region {
    set: &'static str,
    id: &'static str,
    country: &'static str,
}

static REGIONS: LazyLock<Vec<Region>> = LazyLock::new(|| rows(LIST).filter_map(parse).collect());

/// Reads one row; none when it is malformed.
fn parse(row: &'static str) -> Option<Region> {
    let mut columns = row.split('\t');
    let region = Region {
        set: columns.next()?,
        id: columns.next()?,
        country: columns.next()?,
    };
    columns.next().map(|_| region)
}

/// Ids of the providers that names can tell.
pub fn providers() -> impl Iterator<Item = &'static str> {
    ZONES.iter().map(|zone| zone.provider)
}

/// The cloud that a host name names; none when it is no name of a listed provider.
/// Upper case and one final dot are accepted; anything that is no host name gives none.
pub fn cloud_of_name(host: &str) -> Option<Cloud> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.len() > NAME_MAX || !host.split('.').all(is_label) {
        return None;
    }
    let host = host.to_ascii_lowercase();
    let (zone, left) = ZONES
        .iter()
        .filter_map(|zone| Some((zone, left_of(&host, zone.domain)?)))
        .max_by_key(|(zone, _)| zone.domain.len())?;
    let labels: Vec<&str> = left.rsplit('.').filter(|label| !label.is_empty()).collect();
    let region = zone
        .rules
        .iter()
        .find_map(|rule| rule.region(&labels, zone.set));
    if zone.region_needed && region.is_none() {
        return None;
    }
    let country = region.map(|region| region.country).or(zone.country);
    Some(Cloud {
        provider: zone.provider.to_owned(),
        region: region.map(|region| region.id.to_owned()),
        country: country.map(ToOwned::to_owned),
    })
}

/// Letters, digits, hyphens, and underscores, which service names use.
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// What stands left of a domain, which must begin at a label boundary; empty for the domain itself.
fn left_of<'a>(host: &'a str, domain: &str) -> Option<&'a str> {
    let left = host.strip_suffix(domain)?;
    if left.is_empty() {
        Some(left)
    } else {
        left.strip_suffix('.')
    }
}

impl Rule {
    /// The region this rule finds among the labels left of the domain, the nearest first.
    fn region(&self, labels: &[&str], set: &str) -> Option<Region> {
        let label = *labels.get(self.label)?;
        if labels.len() < self.label + 1 + self.left {
            return None;
        }
        if !self.under.is_empty() && !self.under.contains(labels.first()?) {
            return None;
        }
        let named = |id: &str| {
            REGIONS
                .iter()
                .find(|region| region.set == set && region.id == id)
                .copied()
        };
        let longest = |fits: &dyn Fn(&str) -> bool| {
            REGIONS
                .iter()
                .filter(|region| region.set == set && fits(region.id))
                .max_by_key(|region| region.id.len())
                .copied()
        };
        match self.form {
            Whole => named(label),
            After(prefix) => named(label.strip_prefix(prefix)?),
            Before(suffix) => named(label.strip_suffix(suffix)?),
            Between(prefix, suffix) => named(label.strip_prefix(prefix)?.strip_suffix(suffix)?),
            Tail => longest(&|id| {
                label
                    .strip_suffix(id)
                    .is_some_and(|rest| rest.ends_with('-'))
            }),
            Lead => longest(&|id| {
                label
                    .strip_prefix(id)
                    .is_some_and(|rest| rest.starts_with('-'))
            }),
            Numbered => {
                let (id, digits) = label.rsplit_once('-')?;
                let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                all.then(|| named(id))?
            }
            Fixed(text, id) => (label == text).then(|| named(id))?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Provider, region and country in one word, `-` for what is not there.
    fn read(host: &str) -> String {
        match cloud_of_name(host) {
            None => "-".to_owned(),
            Some(cloud) => {
                assert!(cloud.region.is_none() || cloud.country.is_some(), "{host}");
                format!(
                    "{} {} {}",
                    cloud.provider,
                    cloud.region.as_deref().unwrap_or("-"),
                    cloud.country.as_deref().unwrap_or("-")
                )
            }
        }
    }

    #[test]
    fn every_region_row_is_well_formed() {
        let mut seen: Vec<(&str, &str)> = Vec::new();
        for row in rows(LIST) {
            let region = parse(row).unwrap();
            assert_eq!(row.split('\t').count(), 4, "{row}");
            assert_eq!(
                crate::judge::locate::country::code(region.country),
                Some(region.country)
            );
            assert!(ZONES.iter().any(|zone| zone.set == region.set), "{row}");
            seen.push((region.set, region.id));
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count, "a region stands twice");
        for zone in ZONES {
            for rule in zone.rules {
                if let Fixed(_, id) = rule.form {
                    // The rules of AWS are those of its partitions too, which have no such ids.
                    assert!(seen.contains(&(zone.set, id)) || zone.set == "aws-cn");
                }
            }
        }
    }

    #[test]
    fn aws_names() {
        for (host, expected) in [
            ("s3.us-west-2.amazonaws.com", "aws us-west-2 US"),
            ("s3-us-west-2.amazonaws.com", "aws us-west-2 US"),
            ("bucket.s3.us-west-2.amazonaws.com", "aws us-west-2 US"),
            ("my.bucket.s3-us-west-2.amazonaws.com", "aws us-west-2 US"),
            ("b.s3.dualstack.eu-west-1.amazonaws.com", "aws eu-west-1 IE"),
            ("b.s3-website.ap-east-1.amazonaws.com", "aws ap-east-1 HK"),
            ("b.s3-website-us-east-1.amazonaws.com", "aws us-east-1 US"),
            ("lb-1.us-west-2.elb.amazonaws.com", "aws us-west-2 US"),
            ("lb-1.elb.us-west-2.amazonaws.com", "aws us-west-2 US"),
            ("ec2-1-2-3-4.compute-1.amazonaws.com", "aws us-east-1 US"),
            (
                "ec2-1-2-3-4.ap-east-2.compute.amazonaws.com",
                "aws ap-east-2 TW",
            ),
            ("S3.US-GOV-WEST-1.AMAZONAWS.COM.", "aws us-gov-west-1 US"),
            ("s3.cn-north-1.amazonaws.com.cn", "aws cn-north-1 CN"),
            (
                "ec2-1-2-3-4.cn-northwest-1.compute.amazonaws.com.cn",
                "aws cn-northwest-1 CN",
            ),
            ("a.lambda-url.us-east-2.on.aws", "aws us-east-2 US"),
            ("app.us-east-1.elasticbeanstalk.com", "aws us-east-1 US"),
        ] {
            assert_eq!(read(host), expected, "{host}");
        }
        // Global names, and labels that customers choose, say nothing about a region.
        for host in [
            "s3.amazonaws.com",
            "bucket.s3.amazonaws.com",
            "us-west-2.s3.amazonaws.com",
            "cn-north-1.s3-accelerate.amazonaws.com",
            "b.s3-accelerate.dualstack.amazonaws.com",
            "us-west-2.cloudfront.net",
            "us-east-1.elasticbeanstalk.com",
            "s3.cn-north-1.amazonaws.com",
            "s3.xx-nowhere-9.amazonaws.com",
            "amazonaws.com",
        ] {
            assert_eq!(read(host), "aws - -", "{host}");
        }
        // A partition is in one country, whatever stands before its domain.
        for host in ["s3.amazonaws.com.cn", "s3.us-west-2.amazonaws.com.cn"] {
            assert_eq!(read(host), "aws - CN", "{host}");
        }
    }

    #[test]
    fn alibaba_names() {
        for (host, expected) in [
            ("oss-cn-hangzhou.aliyuncs.com", "alibaba cn-hangzhou CN"),
            ("bucket.oss-us-west-1.aliyuncs.com", "alibaba us-west-1 US"),
            (
                "b.oss-cn-hongkong-internal.aliyuncs.com",
                "alibaba cn-hongkong HK",
            ),
            ("cn-hangzhou.oss.aliyuncs.com", "alibaba cn-hangzhou CN"),
            (
                "project.cn-shanghai.log.aliyuncs.com",
                "alibaba cn-shanghai CN",
            ),
            (
                "p.cn-shanghai-intranet.log.aliyuncs.com",
                "alibaba cn-shanghai CN",
            ),
            (
                "mts.ap-northeast-1.aliyuncs.com",
                "alibaba ap-northeast-1 JP",
            ),
            ("ecs-cn-hangzhou.aliyuncs.com", "alibaba cn-hangzhou CN"),
            (
                "x-cn-shanghai-finance-1.aliyuncs.com",
                "alibaba cn-shanghai-finance-1 CN",
            ),
            (
                "retcode-us-west-1.arms.aliyuncs.com",
                "alibaba us-west-1 US",
            ),
            (
                "cn-hangzhou.oss-us-west-1.aliyuncs.com",
                "alibaba us-west-1 US",
            ),
            ("oss-accelerate.aliyuncs.com", "alibaba - -"),
            ("us-west-1.oss-accelerate.aliyuncs.com", "alibaba - -"),
            ("oss-accelerate-overseas.aliyuncs.com", "alibaba - -"),
            ("arms-retcode.aliyuncs.com", "alibaba - -"),
            ("cn-hangzhou.mysql.rds.aliyuncs.com", "alibaba - -"),
        ] {
            assert_eq!(read(host), expected, "{host}");
        }
    }

    #[test]
    fn other_providers() {
        for (host, expected) in [
            (
                "b-125.cos.ap-guangzhou.myqcloud.com",
                "tencent ap-guangzhou CN",
            ),
            ("cos.na-ashburn.myqcloud.com", "tencent na-ashburn US"),
            ("ap-hongkong.cls.tencentcs.com", "tencent ap-hongkong HK"),
            ("b.cos.accelerate.myqcloud.com", "tencent - -"),
            ("obs.cn-north-4.myhuaweicloud.com", "huawei cn-north-4 CN"),
            (
                "b.obs.ap-southeast-1.myhuaweicloud.com",
                "huawei ap-southeast-1 HK",
            ),
            ("obs.eu-west-101.myhuaweicloud.eu", "huawei eu-west-101 IE"),
            ("obs.myhuaweicloud.com", "huawei - -"),
            ("vm.eastasia.cloudapp.azure.com", "azure eastasia HK"),
            (
                "site-a1b2.westeurope-01.azurewebsites.net",
                "azure westeurope NL",
            ),
            ("eastus-01.azurewebsites.net", "azure - -"),
            ("account.blob.core.windows.net", "azure - -"),
            (
                "x.chinaeast2.cloudapp.chinacloudapi.cn",
                "azure chinaeast2 CN",
            ),
            (
                "us-central1-project.cloudfunctions.net",
                "google us-central1 US",
            ),
            (
                "europe-west12-p.cloudfunctions.net",
                "google europe-west12 IT",
            ),
            ("svc-123.asia-east1.run.app", "google asia-east1 TW"),
            ("asia-east1.run.app", "google - -"),
            ("svc-abc-uc.a.run.app", "google - -"),
            ("us-west1-aiplatform.googleapis.com", "google us-west1 US"),
            (
                "storage.asia-east2.rep.googleapis.com",
                "google asia-east2 HK",
            ),
            ("storage.googleapis.com", "google - -"),
            ("play.googleapis.com", "-"),
            ("account.blob.core.chinacloudapi.cn", "azure - CN"),
            ("site.chinacloudsites.cn", "azure - CN"),
            ("bucket.bj.bcebos.com", "baidu bj CN"),
            ("b.ks3-cn-beijing.ksyuncs.com", "kingsoft cn-beijing CN"),
            ("ks3-cn-hk-1-internal.ksyuncs.com", "kingsoft cn-hk-1 HK"),
            ("www.ksyun.com", "-"),
            ("up.qiniup.com", "qiniu z0 CN"),
            ("upload-na0.qiniup.com", "qiniu na0 US"),
            ("up-cn-east-2.qiniup.com", "qiniu cn-east-2 CN"),
            ("uc.qbox.me", "-"),
            ("iovip-as0.qbox.me", "qiniu as0 SG"),
            ("b.s3-cn-south-1.qiniucs.com", "qiniu cn-south-1 CN"),
            ("b.bkt.clouddn.com", "qiniu - -"),
            ("b.s3.cn-north-1.jdcloud-oss.com", "jd cn-north-1 CN"),
            ("b.hk.ufileos.com", "ucloud hk HK"),
            ("s3-tw-tp.ufileos.com", "ucloud tw-tp TW"),
            ("b.eos-wuxi-1.cmecloud.cn", "chinamobile wuxi-1 CN"),
            (
                "b.oss-rg-china-mainland.aliyuncs.com",
                "alibaba rg-china-mainland CN",
            ),
            ("b.tos-cn-beijing.volces.com", "bytedance cn-beijing CN"),
            ("b.nyc3.digitaloceanspaces.com", "digitalocean nyc3 US"),
            (
                "objectstorage.uk-london-1.oraclecloud.com",
                "oracle uk-london-1 GB",
            ),
        ] {
            assert_eq!(read(host), expected, "{host}");
        }
    }

    #[test]
    fn names_of_others_and_no_names() {
        let long = format!("{}s3.us-west-2.amazonaws.com", "a.".repeat(130));
        for host in [
            "oss-cn-hangzhou.aliyuncs.com.evil.test",
            "evilaliyuncs.com",
            "s3.us-west-2.amazonaws.com.test",
            "xamazonaws.com",
            "www.dji.com",
            "52.218.128.10",
            "::1",
            "",
            ".",
            "s3..us-west-2.amazonaws.com",
            ".amazonaws.com",
            "s3.us-west-2.amazonaws.com..",
            "a/s3.us-west-2.amazonaws.com",
            "a\0.s3.us-west-2.amazonaws.com",
            &long,
        ] {
            assert_eq!(read(host), "-", "{host:?}");
        }
    }
}
