//! `opennmc plugin new`: a folder with a plugin that builds, and whose test passes.
//!
//! The templates are files of their own, in which `{{…}}` stands for what the author says; the tests build them all.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::wrong;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::plugin::Manifest;

#[derive(Debug, Args)]
pub(in crate::cli) struct NewArguments {
    /// The plugin's id, and the name of its folder
    name: String,

    /// The language
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    language: Language,

    /// What it begins as
    #[arg(long, value_enum, default_value_t = Kind::Listener)]
    kind: Kind,

    /// The folder of the SDK for Rust, `plugins/sdk` in OpenNMC's sources
    ///
    /// Without it, looked for in the sources that this program was built in, and in those around the present folder.
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    /// With the SDK `opennmc-plugin`
    Rust,
    /// Without a library, with one header
    C,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Hears what happens
    Listener,
    /// Serves TCP connections
    TcpService,
    /// Delivers notices to people
    Notifier,
    /// Serves web pages
    Web,
    /// Tells other plugins something from time to time, on the bus
    Publisher,
}

/// One kind of plugin in Rust: its needs, its code and its test.
struct Template {
    manifest: &'static str,
    code: &'static str,
    test: &'static str,
}

macro_rules! template {
    ($folder:literal) => {
        Template {
            manifest: include_str!(concat!("templates/rust/", $folder, "/plugin.toml")),
            code: include_str!(concat!("templates/rust/", $folder, "/lib.rs")),
            test: include_str!(concat!("templates/rust/", $folder, "/test.rs")),
        }
    };
}

impl Kind {
    fn in_rust(self) -> Template {
        match self {
            Kind::Listener => template!("listener"),
            Kind::TcpService => template!("tcp-service"),
            Kind::Notifier => template!("notifier"),
            Kind::Web => template!("web"),
            Kind::Publisher => template!("publisher"),
        }
    }

    /// Manifest and code.
    fn in_c(self) -> Option<(&'static str, &'static str)> {
        macro_rules! template {
            ($folder:literal) => {
                Some((
                    include_str!(concat!("templates/c/", $folder, "/plugin.toml")),
                    include_str!(concat!("templates/c/", $folder, "/plugin.c")),
                ))
            };
        }
        match self {
            Kind::Listener => template!("listener"),
            Kind::Notifier => template!("notifier"),
            Kind::Publisher => template!("publisher"),
            Kind::TcpService | Kind::Web => None,
        }
    }
}

const NOT_IN_C: &str =
    "in C the kinds are listener, notifier and publisher; the header shows how another interface is named";

const CARGO: &str = include_str!("templates/rust/Cargo.toml.in");
const BUILD_SCRIPT: &str = include_str!("templates/rust/build.rs.in");
const C_HEADER: &str = include_str!("templates/c/opennmc.h");
const IGNORED: &str = "/target\n";

pub(super) fn new(arguments: &NewArguments, output: Output) -> Result<Exit, Failure> {
    let name = arguments.name.as_str();
    let files = match arguments.language {
        Language::Rust => rust(name, arguments.kind, &sdk(arguments.sdk.as_deref())?)?,
        Language::C => c(name, arguments.kind)?,
    };
    // An id that can't be is told in the host's words, before anything is written.
    if let Some((_, manifest)) = files.iter().find(|(path, _)| path == "plugin.toml") {
        Manifest::parse(Path::new(name), manifest).map_err(|error| wrong(error.to_string()))?;
    }
    let folder = Path::new(name);
    fs::create_dir(folder)
        .map_err(|error| Failure::system(format!("can't make the folder {name}"), error))?;
    for (path, contents) in &files {
        let path = folder.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, contents));
        made.map_err(|error| Failure::system(format!("can't write {}", path.display()), error))?;
    }
    let test = if arguments.language == Language::Rust { "  cargo test\n" } else { "" };
    output.text(&format!(
        "made the plugin {name}. Next:\n\n  cd {name}\n{test}  opennmc plugin build\n  opennmc plugin run .\n"
    ))?;
    Ok(Exit::Done)
}

fn rust(name: &str, kind: Kind, sdk: &Path) -> Result<Vec<(String, String)>, Failure> {
    let template = kind.in_rust();
    let sdk_path = sdk.to_str().filter(|path| !path.contains(['"', '\\'])).ok_or_else(|| {
        wrong(format!("the SDK's path {} can't be written into a Cargo.toml", sdk.display()))
    })?;
    let crate_name = name.replace('-', "_");
    let filled = |text: &str| {
        text.replace("{{name}}", name).replace("{{crate}}", &crate_name).replace("{{sdk}}", sdk_path)
    };
    let mut files = vec![
        ("Cargo.toml".to_owned(), filled(CARGO)),
        ("build.rs".to_owned(), BUILD_SCRIPT.to_owned()),
        ("plugin.toml".to_owned(), filled(template.manifest)),
        ("src/lib.rs".to_owned(), filled(template.code)),
        ("tests/plugin.rs".to_owned(), filled(template.test)),
        (".gitignore".to_owned(), IGNORED.to_owned()),
    ];
    // The versions that the SDK was tested with; cargo takes out of it what the plugin does not use.
    if let Ok(lock) = fs::read_to_string(sdk.join("../Cargo.lock")) {
        files.push(("Cargo.lock".to_owned(), lock));
    }
    Ok(files)
}

fn c(name: &str, kind: Kind) -> Result<Vec<(String, String)>, Failure> {
    let (manifest, code) = kind.in_c().ok_or_else(|| Failure::new(Exit::BadUsage, NOT_IN_C))?;
    let filled = |text: &str| text.replace("{{name}}", name);
    Ok(vec![
        ("plugin.toml".to_owned(), filled(manifest)),
        ("src/plugin.c".to_owned(), filled(code)),
        ("include/opennmc.h".to_owned(), C_HEADER.to_owned()),
        (".gitignore".to_owned(), IGNORED.to_owned()),
    ])
}

fn sdk(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let is_sdk =
        |folder: &Path| folder.join("Cargo.toml").is_file() && folder.join("src/export.rs").is_file();
    let absolute = |folder: &Path| folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    if let Some(given) = given {
        return if is_sdk(given) {
            Ok(absolute(given))
        } else {
            Err(wrong(format!(
                "{} is not the SDK: that is plugins/sdk in OpenNMC's sources",
                given.display()
            )))
        };
    }
    let around = [std::env::current_exe(), std::env::current_dir()];
    let around: Vec<PathBuf> = around.into_iter().flatten().collect();
    let places = around.iter().flat_map(|place| place.ancestors()).map(|place| place.join("plugins/sdk"));
    places.into_iter().find(|place| is_sdk(place)).map(|place| absolute(&place)).ok_or_else(|| {
        wrong(
            "the SDK for Rust is not published yet: get OpenNMC's sources, and say where they are with \
             --sdk SOURCES/plugins/sdk",
        )
    })
}
