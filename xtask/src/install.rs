//! `cargo xtask install`: the C library where C programs look for it, and where shells, `man` and editors look for what `opennmc` tells
//! of itself.
//!
//! The crate itself is no `cdylib`: a crate that is one can not be built without `std`. So the C libraries are made here,
//! by [`libraries`], and nowhere else: their name, their version and what goes in are all in this file.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::command::Run;
use crate::console;
use crate::workspace::{Profile, Workspace};

/// What `cargo xtask install` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where the library will be used: `lib`, `include` and `lib/pkgconfig` are below it.
    #[arg(long, value_name = "DIR", default_value = "/usr/local")]
    prefix: PathBuf,
    /// The folder of the libraries below the prefix, such as `lib/x86_64-linux-gnu`.
    #[arg(long, value_name = "DIR", default_value = "lib")]
    libdir: PathBuf,
    /// Put everything below this folder instead of the root, as packages are made.
    #[arg(long, value_name = "DIR")]
    destdir: Option<PathBuf>,
    /// Leave out the manual pages, the shells' completions and the definitions for editors of scripts, for which `opennmc` is built.
    #[arg(long)]
    library_only: bool,
}

const PROGRAM: &str = "opennmc";
/// Where each shell looks for completions, below the prefix.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/opennmc"),
    ("zsh", "share/zsh/site-functions/_opennmc"),
    ("fish", "share/fish/vendor_completions.d/opennmc.fish"),
];
const MANUAL: &str = "share/man/man1";
/// For editors, below the prefix.
const DEFINITIONS: &str = "share/opennmc/opennmc.d.rhai";

const SHARED: &str = "libapcsmart.so";
const STATIC: &str = "libapcsmart.a";
const HEADER: &str = "apcsmart.h";
const DESCRIPTION: &str = "apcsmart.pc";

/// What a static link needs beside the library: what Rust's standard library calls on Linux.
const PRIVATE_LIBRARIES: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

const LIBRARY_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

/// Builds the libraries and installs them.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if !options.prefix.is_absolute() {
        bail!("the prefix must be an absolute path: {} goes into {DESCRIPTION}", options.prefix.display());
    }
    libraries(workspace, Profile::Release)?;
    let installation = Installation::new(workspace, options);
    installation.write()?;
    if !options.library_only {
        installation.write_help(&program(workspace)?)?;
    }
    console::remark(&format!(
        "installed libapcsmart {} below {}",
        installation.version,
        options.prefix.display()
    ));
    Ok(())
}

/// Builds `opennmc` and gives its path: optimised when it was built so before, because that takes minutes.
fn program(workspace: &Workspace) -> Result<PathBuf> {
    let optimised = workspace.target().join(Profile::Release.folder()).join(PROGRAM).is_file();
    let profile = if optimised { Profile::Release } else { Profile::Dev };
    console::heading("Building opennmc for what it tells of itself");
    let mut cargo = Run::cargo(workspace, "build").args(["--workspace", "--bin", PROGRAM]);
    if optimised {
        cargo = cargo.arg("--release");
    }
    cargo.show()?;
    Ok(workspace.target().join(profile.folder()).join(PROGRAM))
}

/// Builds `libapcsmart.so` and `libapcsmart.a` into `target/PROFILE`.
pub(crate) fn libraries(workspace: &Workspace, profile: Profile) -> Result<()> {
    console::heading("Building the C libraries of libapcsmart");
    let mut cargo = Run::cargo(workspace, "rustc").args(LIBRARY);
    if profile == Profile::Release {
        cargo = cargo.arg("--release");
    }
    cargo.arg("--").args(linking()).show()
}

/// What cargo builds: without what only Rust programs use.
const LIBRARY: [&str; 9] = [
    "--package",
    "libapcsmart",
    "--lib",
    "--no-default-features",
    "--features",
    "capi",
    "--locked",
    "--crate-type",
    "cdylib,staticlib",
];

/// Programs ask the system for this name, so it has the number of the interface and no more.
fn linking() -> [String; 2] {
    ["-C".to_owned(), format!("link-arg=-Wl,-soname,{}", soname())]
}

fn soname() -> String {
    format!("{SHARED}.{ABI_VERSION}")
}

/// `APCSMART_ABI_VERSION`; a test compares them.
const ABI_VERSION: u32 = 0;

/// Of all packages of this workspace.
const VERSION: &str = env!("CARGO_PKG_VERSION");

struct Installation {
    /// `target/release`
    built: PathBuf,
    header: PathBuf,
    prefix: PathBuf,
    /// Below the prefix.
    libdir: PathBuf,
    /// Where the prefix is now.
    place: PathBuf,
    version: &'static str,
}

impl Installation {
    fn new(workspace: &Workspace, options: &Options) -> Installation {
        let place = match &options.destdir {
            Some(destdir) => destdir.join(options.prefix.strip_prefix("/").unwrap_or(&options.prefix)),
            None => options.prefix.clone(),
        };
        Installation {
            built: workspace.target().join(Profile::Release.folder()),
            header: workspace.root().join("include").join(HEADER),
            prefix: options.prefix.clone(),
            libdir: options.libdir.clone(),
            place,
            version: VERSION,
        }
    }

    fn write(&self) -> Result<()> {
        let (libraries, include) = (self.place.join(&self.libdir), self.place.join("include"));
        let description = libraries.join("pkgconfig");
        for folder in [&libraries, &include, &description] {
            fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
        }
        let full = format!("{}.{}", soname(), self.version.split_once('.').map_or("0", |(_, rest)| rest));
        copy(&self.built.join(SHARED), &libraries.join(&full), LIBRARY_MODE)?;
        link(&full, &libraries.join(soname()))?;
        link(&soname(), &libraries.join(SHARED))?;
        copy(&self.built.join(STATIC), &libraries.join(STATIC), FILE_MODE)?;
        copy(&self.header, &include.join(HEADER), FILE_MODE)?;
        let path = description.join(DESCRIPTION);
        fs::write(&path, self.description()).with_context(|| format!("could not write {}", path.display()))
    }

    /// What `program` says of itself, in pages and in scripts.
    fn write_help(&self, program: &Path) -> Result<()> {
        for (shell, file) in COMPLETIONS {
            self.put(file, Run::new(program).args(["completions", shell]).read_stdout()?)?;
        }
        self.put(DEFINITIONS, Run::new(program).args(["script", "definitions"]).read_stdout()?)?;
        Run::new(program).arg("man").arg(self.place.join(MANUAL)).quiet()
    }

    fn put(&self, file: &str, text: impl AsRef<[u8]>) -> Result<()> {
        let path = self.place.join(file);
        let folder = path.parent().unwrap_or(&self.place);
        fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
        fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))
    }

    /// For pkg-config.
    fn description(&self) -> String {
        format!(
            "prefix={prefix}\n\
             libdir=${{prefix}}/{libdir}\n\
             includedir=${{prefix}}/include\n\
             \n\
             Name: apcsmart\n\
             Description: Talks to APC UPSes over their serial port\n\
             URL: https://github.com/opennmc/opennmc\n\
             Version: {version}\n\
             Cflags: -I${{includedir}}\n\
             Libs: -L${{libdir}} -lapcsmart\n\
             Libs.private: {PRIVATE_LIBRARIES}\n",
            prefix = self.prefix.display(),
            libdir = self.libdir.display(),
            version = self.version,
        )
    }
}

/// Beside its place first, so that a program that is running keeps the library that it has.
fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let fresh = to.with_extension("new");
    let problem = || format!("could not install {} as {}", from.display(), to.display());
    fs::copy(from, &fresh).with_context(problem)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)).with_context(problem)?;
    fs::rename(&fresh, to).with_context(problem)
}

fn link(target: &str, path: &Path) -> Result<()> {
    let fresh = path.with_extension("new");
    let problem = || format!("could not link {} to {target}", path.display());
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(problem);
        }
        _ => {}
    }
    symlink(target, &fresh).with_context(problem)?;
    fs::rename(&fresh, path).with_context(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built() -> (tempfile::TempDir, Installation) {
        let folder = tempfile::tempdir().unwrap();
        let (built, header) = (folder.path().join("built"), folder.path().join(HEADER));
        fs::create_dir(&built).unwrap();
        for name in [SHARED, STATIC] {
            fs::write(built.join(name), name).unwrap();
        }
        fs::write(&header, "header").unwrap();
        let installation = Installation {
            built,
            header,
            prefix: "/usr".into(),
            libdir: "lib/machine".into(),
            place: folder.path().join("stage/usr"),
            version: "0.1.0",
        };
        (folder, installation)
    }

    #[test]
    fn the_library_is_installed_under_its_full_version_with_the_links_that_programs_use() {
        let (_folder, installation) = built();
        installation.write().unwrap();
        installation.write().unwrap();
        let libraries = installation.place.join("lib/machine");
        let target = |name| fs::read_link(libraries.join(name)).unwrap();
        assert_eq!(target("libapcsmart.so"), Path::new("libapcsmart.so.0"));
        assert_eq!(target("libapcsmart.so.0"), Path::new("libapcsmart.so.0.1.0"));
        assert_eq!(fs::read_to_string(libraries.join("libapcsmart.so")).unwrap(), SHARED);
        let description = fs::read_to_string(libraries.join("pkgconfig/apcsmart.pc")).unwrap();
        assert!(description.starts_with("prefix=/usr\nlibdir=${prefix}/lib/machine\n"), "{description}");
    }

    #[test]
    fn what_the_program_tells_of_itself_is_where_shells_and_editors_look() {
        let (_folder, installation) = built();
        // Tells what it was asked.
        installation.write_help(Path::new("/bin/echo")).unwrap();
        let told = |file: &str| fs::read_to_string(installation.place.join(file)).unwrap();
        assert_eq!(told("share/opennmc/opennmc.d.rhai"), "script definitions\n");
        for (shell, file) in COMPLETIONS {
            assert_eq!(told(file), format!("completions {shell}\n"));
        }
    }

    #[test]
    fn the_name_of_the_shared_library_has_the_number_of_the_interface() {
        let workspace = Workspace::find().unwrap();
        let header = fs::read_to_string(workspace.root().join("include").join(HEADER)).unwrap();
        assert!(header.contains(&format!("#define APCSMART_ABI_VERSION {ABI_VERSION}\n")));
    }
}
