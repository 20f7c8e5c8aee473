//! The files under a package's `assets/`, ready to be sent.
//!
//! A name is looked up in a map and never becomes a path.

use std::collections::BTreeMap;

use hyper::body::Bytes;
use sha2::{Digest as _, Sha256};

/// Served for a folder.
const INDEX: &str = "index.html";

/// The files of one package.
#[derive(Default)]
pub(crate) struct Assets(BTreeMap<String, Asset>);

/// One file.
pub(crate) struct Asset {
    pub(super) bytes: Bytes,
    /// With its quotes.
    pub(super) etag: String,
    pub(super) content_type: &'static str,
}

/// What there is at a path.
pub(super) enum Found<'a> {
    File(&'a Asset),
    /// A folder that was asked for without the slash at its end.
    Folder,
    Nothing,
}

impl Assets {
    /// Of the files by their names below `assets/`.
    pub(crate) fn new(files: BTreeMap<String, Vec<u8>>) -> Assets {
        let asset = |(name, bytes): (String, Vec<u8>)| {
            let digest: [u8; 32] = Sha256::digest(&bytes).into();
            // Half of it tells files apart, and is shorter on the wire.
            let etag: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
            let content_type = content_type(&name);
            (name, Asset { bytes: bytes.into(), etag: format!("\"{etag}\""), content_type })
        };
        Assets(files.into_iter().map(asset).collect())
    }

    /// What is there; `path` is below the mount and begins with `/`.
    pub(super) fn find(&self, path: &str) -> Found<'_> {
        let name = path.strip_prefix('/').unwrap_or(path);
        if name.is_empty() || name.ends_with('/') {
            return self.0.get(&format!("{name}{INDEX}")).map_or(Found::Nothing, Found::File);
        }
        match self.0.get(name) {
            Some(asset) => Found::File(asset),
            None if self.0.contains_key(&format!("{name}/{INDEX}")) => Found::Folder,
            None => Found::Nothing,
        }
    }
}

impl Asset {
    /// Whether `If-None-Match` says that the client has this one.
    pub(super) fn is_known(&self, if_none_match: &str) -> bool {
        if_none_match.split(',').map(str::trim).any(|tag| {
            // Weakly compared, as for every GET.
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag
        })
    }
}

fn content_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "wasm" => "application/wasm",
        "txt" | "md" => "text/plain; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assets() -> Assets {
        let names = ["index.html", "app.js", "help/index.html", "help/a.svg"];
        Assets::new(names.into_iter().map(|name| (name.to_owned(), name.as_bytes().to_vec())).collect())
    }

    fn found(path: &str) -> String {
        match assets().find(path) {
            Found::File(asset) => String::from_utf8(asset.bytes.to_vec()).unwrap(),
            Found::Folder => "folder".to_owned(),
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn a_folder_shows_its_index_and_a_file_itself() {
        for (path, what) in [
            ("/", "index.html"),
            ("/app.js", "app.js"),
            ("/help/", "help/index.html"),
            ("/help/a.svg", "help/a.svg"),
            ("/help", "folder"),
            ("/app.js/", "nothing"),
            ("/other", "nothing"),
        ] {
            assert_eq!(found(path), what, "{path}");
        }
    }

    #[test]
    fn a_client_that_has_the_file_is_told_so() {
        let assets = assets();
        let Found::File(asset) = assets.find("/app.js") else { panic!() };
        let etag = asset.etag.clone();
        assert!(asset.is_known(&etag) && asset.is_known(&format!("\"x\", W/{etag}")) && asset.is_known("*"));
        assert!(!asset.is_known("\"x\"") && !asset.is_known(""));
    }
}
