//! `opennmc script new`: a file to begin with.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::plugin::is_script_name;

#[derive(Debug, Args)]
pub(super) struct NewArguments {
    /// Its name; the file is NAME.rhai
    name: String,
    /// What to begin with
    #[arg(long, value_enum, default_value_t = Template::Alert)]
    template: Template,
    /// The folder to write it into
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Template {
    /// Notices when the power fails and comes back
    Alert,
    /// Something by the calendar
    Schedule,
    /// Every event to a web address
    Webhook,
}

pub(super) fn new(arguments: &NewArguments, output: Output) -> Result<Exit, Failure> {
    let NewArguments { name, template, dir } = arguments;
    if !is_script_name(name) {
        let message = "a script's name has lower-case letters, digits and `-`, and begins with a letter";
        return Err(Failure::new(Exit::BadConfiguration, message));
    }
    let text = match template {
        Template::Alert => include_str!("templates/alert.rhai"),
        Template::Schedule => include_str!("templates/schedule.rhai"),
        Template::Webhook => include_str!("templates/webhook.rhai"),
    };
    let file = dir.join(format!("{name}.rhai"));
    let written = OpenOptions::new().write(true).create_new(true).open(&file);
    written
        .and_then(|mut out| out.write_all(text.replace("NAME", name).as_bytes()))
        .map_err(|error| Failure::system(format!("can't write {}", file.display()), error))?;
    if output.json {
        #[derive(Serialize)]
        struct Document<'a> {
            file: &'a str,
        }
        output.document(&Document { file: &file.display().to_string() })?;
    } else {
        output.text(&format!(
            "{0} is written; `opennmc script check {0}` shows what it would do\n",
            file.display()
        ))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::plugin::PluginSettings;
    use crate::plugin::script::check;

    #[test]
    fn every_template_has_no_errors_and_does_something() {
        for text in [
            include_str!("templates/alert.rhai"),
            include_str!("templates/schedule.rhai"),
            include_str!("templates/webhook.rhai"),
        ] {
            let settings = PluginSettings { id: "script.x".to_owned(), ..PluginSettings::default() };
            let checked = check(Path::new("x.rhai"), text, &settings, &[]);
            assert_eq!(checked.errors, [""; 0], "{text}");
            assert!(!checked.calls.is_empty(), "{text}");
        }
    }
}
