//! What of a collector with a bucket is particular to the cloud.

use harness::s3::{BUCKET, S3};

use super::SECRET;

/// In whose words the collector speaks with the bucket.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cloud {
    Amazon,
    /// The words of Google's XML API are S3's but for two: who asks, which `moto` does not check, and that an object is only to
    /// be made where there is none, which it does not know.
    Google,
}

impl Cloud {
    fn scheme(self) -> &'static str {
        match self {
            Self::Amazon => "s3",
            Self::Google => "gs",
        }
    }

    /// Who asks, as the settings can say it.
    pub(super) fn keys_in_file(self) -> String {
        match self {
            Self::Amazon => format!("    access_key_id: tester\n    secret_access_key: {SECRET}\n"),
            Self::Google => String::new(),
        }
    }

    /// And as the environment does.
    pub(super) fn keys_in_environment(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Amazon => &[("AWS_ACCESS_KEY_ID", "tester"), ("AWS_SECRET_ACCESS_KEY", SECRET)],
            Self::Google => &[("GOOGLE_BEARER_TOKEN", SECRET)],
        }
    }
}

/// Small blocks, none of which stays on the disk; the spans are of 2023.
pub(super) fn settings(cloud: Cloud, s3: &S3, owner: &str, more: &str) -> String {
    format!(
        "storage:\n  retention: 9000d\n  rollups: {{retention: 9000d}}\n  block: {{max_spans: 100, max_age: 1s}}\n  object_store:\n    \
         url: {}://{BUCKET}/mesh\n    endpoint: {}\n    cache_bytes: 1\n    owner: {owner}\n{more}",
        cloud.scheme(),
        s3.endpoint()
    )
}
