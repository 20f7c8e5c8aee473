//! The files under a package's `assets/`, ready to be sent.
//!
//! A name is looked up in a map and never becomes a path. Nothing is compressed here: `NAME.br` and `NAME.gz` beside `NAME`
//! are the same file for clients that take them.

use std::cmp::Reverse;
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
    /// As it is, then as it is beside it: the shortest first among equals.
    forms: Vec<Form>,
    pub(super) content_type: &'static str,
    /// Its name changes with its content: who has it need never ask again.
    pub(super) is_lasting: bool,
}

/// One of the forms in which a file can be sent.
#[derive(Clone)]
pub(super) struct Form {
    pub(super) bytes: Bytes,
    /// With its quotes.
    pub(super) etag: String,
    /// As `Content-Encoding` calls it; none for the file itself.
    pub(super) encoding: Option<&'static str>,
}

/// The ends of names that are another form of the file beside them. Of two that a client likes as much the first is sent.
const FORMS: [(&str, &str); 2] = [(".br", "br"), (".gz", "gzip")];
/// The folder of files whose names are made by a bundler.
const BUNDLED: &str = "assets";
/// Letters of the hash in such a name.
const HASH: usize = 8;

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
        let plain: BTreeMap<String, Form> =
            files.into_iter().map(|(name, bytes)| (name, Form::of(bytes))).collect();
        let asset = |(name, form): (&String, &Form)| {
            let beside = FORMS.iter().filter_map(|(end, encoding)| {
                let form = plain.get(&format!("{name}{end}"))?;
                Some(Form { encoding: Some(encoding), ..form.clone() })
            });
            let forms = std::iter::once(form.clone()).chain(beside).collect();
            let asset = Asset { forms, content_type: content_type(name), is_lasting: is_lasting(name) };
            (name.clone(), asset)
        };
        Assets(plain.iter().map(asset).collect())
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
    /// The form for a client that says so in `Accept-Encoding`.
    pub(super) fn form(&self, accepted: Option<&str>) -> &Form {
        let [plain, beside @ ..] = &*self.forms else { unreachable!("a file is there as it is") };
        let Some(accepted) = accepted else { return plain };
        // The first of those that the client likes most.
        let liked = beside.iter().map(|form| (weight(accepted, form.encoding.unwrap_or_default()), form));
        liked
            .filter(|(weight, _)| *weight > 0)
            .min_by_key(|(weight, _)| Reverse(*weight))
            .map_or(plain, |it| it.1)
    }

    /// Whether what is sent depends on what the client accepts.
    pub(super) fn varies(&self) -> bool {
        self.forms.len() > 1
    }
}

impl Form {
    fn of(bytes: Vec<u8>) -> Form {
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        // Half of it tells files apart, and is shorter on the wire.
        let etag: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        Form { bytes: bytes.into(), etag: format!("\"{etag}\""), encoding: None }
    }

    /// Whether `If-None-Match` says that the client has this one.
    pub(super) fn is_known(&self, if_none_match: &str) -> bool {
        if_none_match.split(',').map(str::trim).any(|tag| {
            // Weakly compared, as for every GET.
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag
        })
    }
}

/// How much a client likes an encoding, in thousandths; 0: it does not take it.
fn weight(accepted: &str, encoding: &str) -> u16 {
    let mut any = 0;
    for item in accepted.split(',') {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let quality = parameters.trim().strip_prefix("q=").or(parameters.trim().strip_prefix("Q="));
        let quality = match quality.map(|quality| quality.trim().parse::<f32>()) {
            None => 1_000,
            // What is between 0 and 1 has no fraction left that matters.
            Some(Ok(quality)) if (0.0..=1.0).contains(&quality) => (quality * 1_000.0) as u16,
            Some(_) => 0,
        };
        if name.trim().eq_ignore_ascii_case(encoding) {
            return quality;
        }
        if name.trim() == "*" {
            any = quality;
        }
    }
    any
}

/// Whether a name is made as Vite makes it: `assets/index-AbC123xy.js`. Words of eight letters are none.
fn is_lasting(name: &str) -> bool {
    let mut segments = name.rsplit('/');
    let file = segments.next().unwrap_or_default();
    let stem = file.split_once('.').map_or(file, |(stem, _)| stem);
    let hash = stem.len().checked_sub(HASH).and_then(|at| stem.get(at..)).filter(|_| file.len() > stem.len());
    let behind = |hash: &str| stem[..stem.len() - hash.len()].ends_with('-');
    segments.any(|segment| segment == BUNDLED)
        && hash.is_some_and(|hash| {
            behind(hash)
                && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                && hash.bytes().any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
                && hash.bytes().any(|byte| byte.is_ascii_alphabetic())
        })
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
            Found::File(asset) => String::from_utf8(asset.form(None).bytes.to_vec()).unwrap(),
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
        let asset = asset.form(None);
        let etag = asset.etag.clone();
        assert!(asset.is_known(&etag) && asset.is_known(&format!("\"x\", W/{etag}")) && asset.is_known("*"));
        assert!(!asset.is_known("\"x\"") && !asset.is_known(""));
    }

    #[test]
    fn a_client_gets_the_form_that_it_likes_most_of_those_that_it_takes() {
        let files = ["a.js", "a.js.br", "a.js.gz", "b.css", "b.css.gz", "c.txt"];
        let files = files.into_iter().map(|name| (name.to_owned(), name.as_bytes().to_vec())).collect();
        let assets = Assets::new(files);
        for (path, accepted, encoding) in [
            ("/a.js", None, None),
            ("/a.js", Some(""), None),
            ("/a.js", Some("gzip, deflate, br, zstd"), Some("br")),
            ("/a.js", Some("gzip"), Some("gzip")),
            ("/a.js", Some("gzip;q=1.0, br;q=0.5"), Some("gzip")),
            ("/a.js", Some("br;q=0, gzip;q=0"), None),
            ("/a.js", Some("BR ; q=0.1"), Some("br")),
            ("/a.js", Some("*"), Some("br")),
            ("/a.js", Some("br;q=0, *"), Some("gzip")),
            ("/a.js", Some("br;q=x, brx, identity"), None),
            ("/b.css", Some("br, gzip;q=0.1"), Some("gzip")),
            ("/c.txt", Some("gzip"), None),
            ("/a.js.gz", Some("gzip"), None),
        ] {
            let Found::File(asset) = assets.find(path) else { panic!() };
            assert_eq!(asset.form(accepted).encoding, encoding, "{path} {accepted:?}");
        }
        let Found::File(asset) = assets.find("/a.js") else { panic!() };
        assert_eq!(asset.content_type, "text/javascript; charset=utf-8");
        assert!(asset.varies() && asset.form(None).etag != asset.form(Some("br")).etag);
    }

    #[test]
    fn only_a_name_that_changes_with_the_content_lasts() {
        for name in ["assets/index-AbC123xy.js", "x/assets/uPlot-D_4-a9_Z.css", "assets/a/b-abcdefg1.woff2"] {
            assert!(is_lasting(name), "{name}");
        }
        for name in [
            "index-AbC123xy.js",
            "assets/index.html",
            "assets/user-settings.js",
            "assets/report-20261123.csv",
            "assets/AbC123xy.js",
            "assets/index-AbC12.js",
            "assets/index-AbC123xy",
            "assets/ä-bC123x.js",
        ] {
            assert!(!is_lasting(name), "{name}");
        }
    }
}
