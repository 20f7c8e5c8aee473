//! NUT's web pages, run as a web server runs them: `upsstats.cgi`, `upsimage.cgi`, `upsset.cgi`.
//!
//! The page with all UPSes is not among them: Debian's `upsstats.cgi` asks /etc/nut for it, whatever it is told.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use opennmc_host::users::Role;

use crate::scene::{Scene, run_to_its_end, until};
use crate::variables;

const ADMIN: (&str, &str, Role, &str) = ("admin", "a-sunny-place", Role::Administrator, "");
const PROGRAMS: &str = "/usr/lib/cgi-bin/nut";
/// The pages as Debian ships them, into which the values go.
const TEMPLATES: &str = "/etc/nut";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

#[test]
fn upsstats_shows_the_values_on_its_page_and_all_of_them_as_a_tree_and_upsimage_draws_them() {
    let site = Site::start();
    site.scene.wait_for_choices();
    let page = words(&site.page("upsstats.cgi", &format!("host={}", site.ups)));
    for shown in ["SMART-UPS 1500", "ONLINE", "00:41:00", "27.4 &deg;C", "27.22 V", "231.8 V", "50.00 Hz"] {
        assert!(page.contains(shown), "{shown} is not on the page:\n{page}");
    }
    let listed = site.scene.upsc(&["main"]);
    let tree = words(&site.page("upsstats.cgi", &format!("host={}&treemode", site.ups)));
    for (name, value) in variables(&listed) {
        // What moves by itself may have moved.
        let shown = tree.contains(&format!("{name} : {value}"));
        assert!(shown || name.ends_with(".trend"), "{name} is not {value} in the tree:\n{tree}");
    }
    for value in ["battery.charge", "input.voltage", "ups.load"] {
        let query = format!("host={}&display={value}", site.ups);
        let drawn = run_to_its_end(site.program("upsimage.cgi").env("QUERY_STRING", query)).stdout;
        let picture = drawn.windows(PNG.len()).any(|bytes| bytes == PNG);
        assert!(picture, "{}", String::from_utf8_lossy(&drawn));
    }
    site.scene.control("line off");
    let page = || words(&site.page("upsstats.cgi", &format!("host={}", site.ups)));
    until("the outage on the page", page, |page| page.contains("ON BATTERY"));
}

#[test]
fn upsset_changes_a_setting_and_runs_a_command_and_nothing_with_a_wrong_password() {
    let site = Site::start();
    site.scene.wait_for_choices();
    let form = format!("function=savesettings&monups={}&UPSVAR_ups.id=STOLEN", site.ups);
    let saved = site.post("a-foggy-place", &form);
    assert!(saved.contains("ERR ACCESS-DENIED") && saved.contains("No settings changed"), "{saved}");
    let form = format!("function=docmd&monups={}&upscommand=load.off", site.ups);
    assert!(site.post("a-foggy-place", &form).contains("ERR ACCESS-DENIED"));
    assert!(!site.scene.control("truth").contains("STOLEN"));

    let choice = site.post(ADMIN.1, "function=pickups");
    assert!(choice.contains(&format!("<OPTION VALUE=\"{}\">Rack A</OPTION>", site.ups)), "{choice}");
    let settings = site.post(ADMIN.1, &format!("function=showsettings&monups={}", site.ups));
    assert!(settings.contains("NAME=\"UPSVAR_ups.id\" VALUE=\"UPS_IDEN\" SIZE=\"8\""), "{settings}");
    assert!(settings.contains("<OPTION VALUE=\"H\"  SELECTED>H</OPTION>"), "{settings}");

    let changes = "UPSVAR_ups.id=WEB+1&UPSVAR_input.sensitivity=M&UPSVAR_input.transfer.low=208";
    let form = format!("function=savesettings&monups={}&{changes}", site.ups);
    let saved = site.post(ADMIN.1, &form);
    // The third is what it was.
    assert!(saved.contains("Updated 2 settings"), "{saved}");
    let truth = site.scene.control("truth");
    assert!(truth.contains("ups.id: WEB 1") && truth.contains("input.sensitivity: M"), "{truth}");

    let commands = site.post(ADMIN.1, &format!("function=showcmds&monups={}", site.ups));
    assert!(commands.contains("<OPTION VALUE=\"test.battery.start\">Test the battery"), "{commands}");
    let form = format!("function=docmd&monups={}&upscommand=test.battery.start", site.ups);
    let issued = words(&site.post(ADMIN.1, &form));
    assert!(issued.contains("Response: OK"), "{issued}");
    let truth = || site.scene.control("truth");
    until("the test", truth, |truth| truth.contains("OB") || truth.contains("in progress"));
}

/// A folder as a web server's administrator sets it up, for the scene's UPS.
struct Site {
    scene: Scene,
    folder: PathBuf,
    ups: String,
}

impl Site {
    fn start() -> Site {
        let scene = Scene::with_users(&[ADMIN]);
        let folder = scene.folder("pages");
        for page in ["upsstats.html", "upsstats-single.html"] {
            let template = Path::new(TEMPLATES).join(page);
            std::fs::copy(&template, folder.join(page))
                .unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask setup` helps", template.display()));
        }
        let ups = format!("main@localhost:{}", scene.port());
        std::fs::write(folder.join("hosts.conf"), format!("MONITOR {ups} \"Rack A\"\n")).unwrap();
        std::fs::write(folder.join("upsset.conf"), "I_HAVE_SECURED_MY_CGI_DIRECTORY\n").unwrap();
        Site { scene, folder, ups }
    }

    fn program(&self, name: &str) -> Command {
        let mut program = Command::new(Path::new(PROGRAMS).join(name));
        program.env("NUT_CONFPATH", &self.folder).env("REQUEST_METHOD", "GET");
        program
    }

    fn page(&self, name: &str, query: &str) -> String {
        let output = run_to_its_end(self.program(name).env("QUERY_STRING", query));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What `upsset.cgi` answers to this form, with the administrator's name in it.
    fn post(&self, password: &str, form: &str) -> String {
        let form = format!("username={}&password={password}&{form}", ADMIN.0);
        let mut program = self.program("upsset.cgi");
        program.env("REQUEST_METHOD", "POST").env("CONTENT_LENGTH", form.len().to_string());
        let mut child =
            program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(form.as_bytes()).unwrap();
        String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
    }
}

/// What a reader sees of a page: its words, with one blank between them.
fn words(page: &str) -> String {
    let mut text = String::new();
    for (index, piece) in page.split('<').enumerate() {
        let seen = if index == 0 { piece } else { piece.split_once('>').map_or("", |(_, after)| after) };
        text.push_str(seen);
        text.push(' ');
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
