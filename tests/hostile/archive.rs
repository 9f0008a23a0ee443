//! Archives that no `tar` makes.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Kinds of entries, as ustar has them.
pub const FILE: u8 = b'0';
pub const HARD_LINK: u8 = b'1';
pub const LINK: u8 = b'2';
pub const DEVICE: u8 = b'3';

/// A tar before it is compressed.
#[derive(Default)]
pub struct Tar(Vec<u8>);

impl Tar {
    /// A chart's `Chart.yaml` and a template, below `web/`.
    pub fn of_a_chart() -> Self {
        let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
        Self::default()
            .file("web/Chart.yaml", crate::attack::CHART)
            .file("web/templates/a.yaml", template)
    }

    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        let mut tar = self.entry(FILE, path, "", content.len() as u64);
        tar.0.extend(content);
        tar.0.resize(tar.0.len().next_multiple_of(512), 0);
        tar
    }

    /// A header alone, of something that has `size` bytes, or says so.
    pub fn entry(mut self, kind: u8, path: &str, link: &str, size: u64) -> Self {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, path.as_bytes());
        put(100, b"0000644\0");
        put(124, format!("{size:011o}\0").as_bytes());
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, &[kind]);
        put(157, link.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|it| u32::from(*it)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend(header);
        self
    }

    /// Compressed, without an end yet.
    pub fn part(self) -> Vec<u8> {
        compressed(&self.0)
    }

    pub fn ended(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        compressed(&self.0)
    }
}

pub fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// A mebibyte of zeros as often as it is said: a reader takes what is compressed in parts as one.
pub fn zeros(mebibytes: usize) -> Vec<u8> {
    compressed(&vec![0; 1 << 20]).repeat(mebibytes)
}
