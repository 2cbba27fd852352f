//! Domains of cloud providers and where a region stands in the names below them.
//!
//! After the endpoint pages of AWS (docs.aws.amazon.com/general/latest/gr/rande.html, and "Virtual
//! hosting of general purpose buckets" in the S3 user guide), Alibaba Cloud (OSS and SLS endpoints),
//! Tencent COS and CLS, Huawei Cloud, Azure, Google Cloud, Baidu BOS, Volcengine TOS, Kingsoft KS3,
//! Qiniu Kodo, JD Cloud OSS, UCloud US3, China Mobile EOS, DigitalOcean Spaces and Oracle Object
//! Storage. A form that could not be told from a customer's own label is
//! left out.

use Form::{After, Before, Between, Fixed, Lead, Numbered, Tail, Whole};

/// How a region stands in a label.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// The label is the region.
    Whole,
    /// `PREFIX` region.
    After(&'static str),
    /// Region `SUFFIX`.
    Before(&'static str),
    /// `PREFIX` region `SUFFIX`.
    Between(&'static str, &'static str),
    /// Anything, `-`, region.
    Tail,
    /// Region, `-`, anything.
    Lead,
    /// Region, `-`, digits.
    Numbered,
    /// This label stands for this region, by the provider's documentation.
    Fixed(&'static str, &'static str),
}

/// Where a region stands in a name. Labels are counted leftwards from the domain, from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) form: Form,
    /// The label that holds the region.
    pub(super) label: usize,
    /// For `label` 1: label 0 must be one of these.
    pub(super) under: &'static [&'static str],
    /// How many labels must stand left of the region, where a customer could own a bare one.
    pub(super) left: usize,
}

const fn at(form: Form) -> Rule {
    Rule {
        form,
        label: 0,
        under: &[],
        left: 0,
    }
}

/// As [`at`], with a customer's label to the left.
const fn behind(form: Form) -> Rule {
    Rule {
        left: 1,
        ..at(form)
    }
}

/// The region is label 1, below one of these service labels.
const fn under(form: Form, services: &'static [&'static str]) -> Rule {
    Rule {
        label: 1,
        under: services,
        ..at(form)
    }
}

/// A domain of a provider.
pub(super) struct Zone {
    pub(super) domain: &'static str,
    pub(super) provider: &'static str,
    /// Which rows of `regions.tsv` apply.
    pub(super) set: &'static str,
    pub(super) rules: &'static [Rule],
    /// The domain also carries names that are no cloud of customers: only a region makes it one.
    pub(super) region_needed: bool,
    /// Everything under the domain is in this country, region or not: a partition that the provider
    /// keeps apart.
    pub(super) country: Option<&'static str>,
}

const fn zone(
    domain: &'static str,
    provider: &'static str,
    set: &'static str,
    rules: &'static [Rule],
) -> Zone {
    Zone {
        domain,
        provider,
        set,
        rules,
        region_needed: false,
        country: None,
    }
}

/// The same, all of it in one country.
const fn all_in(country: &'static str, zone: Zone) -> Zone {
    Zone {
        country: Some(country),
        ..zone
    }
}

/// The same, where only a name with a region is one of the cloud.
const fn with_region(zone: Zone) -> Zone {
    Zone {
        region_needed: true,
        ..zone
    }
}

/// AWS services that stand right of the region.
const AWS_SERVICES: &[&str] = &[
    "elb", "compute", "rds", "es", "aoss", "redshift", "queue", "cs",
];

const AWS: &[Rule] = &[
    at(Whole),
    at(After("s3-")),
    at(After("s3-website-")),
    at(After("s3-fips-")),
    at(Fixed("compute-1", "us-east-1")),
    at(Fixed("s3-external-1", "us-east-1")),
    under(Whole, AWS_SERVICES),
];

/// Alibaba services that stand right of the region.
const ALIBABA_SERVICES: &[&str] = &["log", "oss", "fc", "mgw", "fnf", "mns"];

const ALIBABA: &[Rule] = &[
    at(Whole),
    at(Tail),
    at(Between("oss-", "-internal")),
    under(Whole, ALIBABA_SERVICES),
    under(Before("-intranet"), ALIBABA_SERVICES),
    under(Before("-share"), ALIBABA_SERVICES),
    under(Before("-internal"), ALIBABA_SERVICES),
    under(Tail, &["arms"]),
];

/// Kingsoft's object storage: `ks3-cn-beijing`, inside its network `ks3-cn-beijing-internal`.
const KS3: &[Rule] = &[at(After("ks3-")), at(Between("ks3-", "-internal"))];

/// Qiniu's upload, download and management hosts: `up-z1`, and without a region that of z0.
const QINIU: &[Rule] = &[
    at(After("up-")),
    at(After("upload-")),
    at(After("iovip-")),
    at(After("rs-")),
    at(After("rsf-")),
    at(Fixed("up", "z0")),
    at(Fixed("upload", "z0")),
    at(Fixed("iovip", "z0")),
    at(Fixed("rs", "z0")),
    at(Fixed("rsf", "z0")),
];

const WHOLE: &[Rule] = &[at(Whole)];
const BEHIND: &[Rule] = &[behind(Whole)];

/// Domains, in any order: the longest that fits wins.
pub(super) static ZONES: &[Zone] = &[
    zone("amazonaws.com", "aws", "aws", AWS),
    // AWS China is a partition of its own, with regions in Beijing and Ningxia only
    // (docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-Beijing.html).
    all_in("CN", zone("amazonaws.com.cn", "aws", "aws-cn", AWS)),
    zone("api.aws", "aws", "aws", WHOLE),
    zone("on.aws", "aws", "aws", BEHIND),
    zone("elasticbeanstalk.com", "aws", "aws", BEHIND),
    zone("awsapprunner.com", "aws", "aws", BEHIND),
    zone("amazoncognito.com", "aws", "aws", BEHIND),
    zone("cloudfront.net", "aws", "aws", &[]),
    all_in("CN", zone("cloudfront.cn", "aws", "aws-cn", &[])),
    zone("awsglobalaccelerator.com", "aws", "aws", &[]),
    zone("aliyuncs.com", "alibaba", "alibaba", ALIBABA),
    zone("fcapp.run", "alibaba", "alibaba", BEHIND),
    zone("myqcloud.com", "tencent", "tencent", WHOLE),
    zone("tencentcos.cn", "tencent", "tencent", WHOLE),
    zone("tencentcloudapi.com", "tencent", "tencent", WHOLE),
    zone(
        "tencentcs.com",
        "tencent",
        "tencent",
        &[under(Whole, &["cls"])],
    ),
    zone("myhuaweicloud.com", "huawei", "huawei", WHOLE),
    zone("myhuaweicloud.eu", "huawei", "huawei", WHOLE),
    zone("huaweicloudapis.com", "huawei", "huawei", WHOLE),
    zone("cloudapp.azure.com", "azure", "azure", BEHIND),
    zone("azurecontainer.io", "azure", "azure", BEHIND),
    zone("azurecontainerapps.io", "azure", "azure", BEHIND),
    zone("azmk8s.io", "azure", "azure", BEHIND),
    zone("batch.azure.com", "azure", "azure", BEHIND),
    zone("kusto.windows.net", "azure", "azure", BEHIND),
    zone("azurewebsites.net", "azure", "azure", &[behind(Numbered)]),
    zone(
        "in.applicationinsights.azure.com",
        "azure",
        "azure",
        &[at(Whole), at(Numbered)],
    ),
    zone("api.cognitive.microsoft.com", "azure", "azure", WHOLE),
    zone("core.windows.net", "azure", "azure", &[]),
    zone("azureedge.net", "azure", "azure", &[]),
    zone("azurefd.net", "azure", "azure", &[]),
    // Azure China is kept apart, in China only (learn.microsoft.com/azure/china/resources-developer-guide).
    all_in(
        "CN",
        zone("cloudapp.chinacloudapi.cn", "azure", "azure-cn", BEHIND),
    ),
    all_in("CN", zone("chinacloudapi.cn", "azure", "azure-cn", &[])),
    all_in("CN", zone("chinacloudsites.cn", "azure", "azure-cn", &[])),
    all_in("CN", zone("azure.cn", "azure", "azure-cn", &[])),
    zone("cloudapp.usgovcloudapi.net", "azure", "azure-gov", BEHIND),
    zone("core.usgovcloudapi.net", "azure", "azure-gov", &[]),
    zone("run.app", "google", "google", BEHIND),
    zone("cloudfunctions.net", "google", "google", &[at(Lead)]),
    zone("pkg.dev", "google", "google", &[at(Lead)]),
    zone("firebasedatabase.app", "google", "google", BEHIND),
    zone("storage.googleapis.com", "google", "google", &[]),
    zone("appspot.com", "google", "google", &[]),
    zone("firebaseio.com", "google", "google", &[]),
    zone("rep.googleapis.com", "google", "google", BEHIND),
    Zone {
        region_needed: true,
        ..zone("googleapis.com", "google", "google", &[at(Lead)])
    },
    zone("bcebos.com", "baidu", "baidu", WHOLE),
    Zone {
        region_needed: true,
        ..zone(
            "volces.com",
            "bytedance",
            "bytedance",
            &[at(After("tos-")), at(After("tos-s3-"))],
        )
    },
    with_region(zone("ksyuncs.com", "kingsoft", "kingsoft", KS3)),
    with_region(zone("ksyun.com", "kingsoft", "kingsoft", KS3)),
    zone("qiniup.com", "qiniu", "qiniu", QINIU),
    with_region(zone("qbox.me", "qiniu", "qiniu", QINIU)),
    zone(
        "qiniucs.com",
        "qiniu",
        "qiniu",
        &[at(Whole), at(After("s3-")), at(After("kodo-"))],
    ),
    // Domains that Qiniu gives buckets for a trial, whatever their region.
    zone("clouddn.com", "qiniu", "qiniu", &[]),
    zone("jdcloud-oss.com", "jd", "jd", WHOLE),
    zone(
        "ufileos.com",
        "ucloud",
        "ucloud",
        &[at(Whole), at(After("s3-")), at(After("internal-"))],
    ),
    with_region(zone(
        "cmecloud.cn",
        "chinamobile",
        "chinamobile",
        &[at(After("eos-"))],
    )),
    zone(
        "digitaloceanspaces.com",
        "digitalocean",
        "digitalocean",
        WHOLE,
    ),
    zone("oraclecloud.com", "oracle", "oracle", WHOLE),
];
