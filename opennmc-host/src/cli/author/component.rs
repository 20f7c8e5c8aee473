//! A core module becomes a component, or its author hears in plain words why it can't.
//!
//! Invariant: what comes out imports nothing but `opennmc:plugin`. A plugin has no file, no environment and no standard
//! output, so a module that asks for WASI was built for something else.

use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding};
use wit_parser::Resolve;

use super::module::{self, Border};

/// The interface, for modules that don't carry what they were compiled against: those written in C.
const INTERFACE: &str = include_str!("../../../wit/plugin.wit");
/// Before the version in the names of the interface's imports and exports.
const PACKAGE: &str = "opennmc:plugin/";
/// The custom section with which wit-bindgen's code says what it was compiled against.
const METADATA: &[u8] = b"component-type";

/// The component of a core module; a component is taken as it is.
pub(super) fn component(module: &[u8]) -> Result<Vec<u8>, String> {
    let component = if module::is_component(module) { module.to_vec() } else { encode(module)? };
    refuse_strangers(&component)?;
    Ok(component)
}

fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    let border = module::border(module);
    if let Some(refusal) = strange_import(&border) {
        return Err(refusal);
    }
    let mut module = module.to_vec();
    if !module.windows(METADATA.len()).any(|window| window == METADATA) {
        describe(&mut module, &border).map_err(|error| format!("{error:#}"))?;
    }
    let encoder = ComponentEncoder::default().validate(true).module(&module);
    encoder.and_then(|mut encoder| encoder.encode()).map_err(|error| {
        format!("the module does not fit the plugin interface: {error:#}; was it built with the same version's SDK?")
    })
}

/// Says what the module implements, as far as its exports tell: the world of its own.
fn describe(module: &mut Vec<u8>, border: &Border) -> anyhow::Result<()> {
    let mut interfaces: Vec<&str> = border
        .exports
        .iter()
        .filter(|export| export.starts_with(PACKAGE))
        .filter_map(|export| export.split('#').next())
        .collect();
    interfaces.sort_unstable();
    interfaces.dedup();
    let exports: String = interfaces.iter().map(|name| format!("  export {name};\n")).collect();
    let world = format!(
        "package local:plugin;\nworld guest {{\n  include opennmc:plugin/imports@0.1.0;\n{exports}}}\n"
    );
    let mut resolve = Resolve::default();
    resolve.push_source("plugin.wit", INTERFACE)?;
    let package = resolve.push_source("world.wit", &world)?;
    let world = resolve.select_world(&[package], Some("guest"))?;
    wit_component::embed_component_metadata(module, &resolve, world, StringEncoding::UTF8)
}

/// What a module of a wrong target imports, and how it usually comes in.
fn strange_import(border: &Border) -> Option<String> {
    let (module, name) = border.imports.iter().find(|(module, _)| !module.starts_with(PACKAGE))?;
    let hint = match module.as_str() {
        module if module.starts_with("wasi") => wasi_hint(name),
        module if module.starts_with("__wbindgen") => {
            "a crate thinks that it runs in a browser: look for a feature such as `js` or `wasmbind` (chrono, getrandom, \
             uuid) and switch it off"
                .to_owned()
        }
        "env" => format!("`{name}` is used and nobody defines it: a C function without a body, or an `extern` block"),
        _ => "a plugin can only ask for the interfaces of opennmc:plugin".to_owned(),
    };
    let kind =
        if module.starts_with("wasi") { "WASI, which OpenNMC does not offer" } else { "something unknown" };
    Some(format!("the module asks for {kind}: `{module}` `{name}`. {hint}"))
}

fn wasi_hint(name: &str) -> String {
    let cause = match name {
        "fd_write" | "fd_seek" | "fd_close" | "fd_fdstat_get" => {
            "something prints (println!, printf): use the host's log"
        }
        "environ_get" | "environ_sizes_get" | "args_get" | "args_sizes_get" => {
            "something reads the environment or arguments: use the plugin's configuration"
        }
        "clock_time_get" | "clock_res_get" => {
            "something reads a clock (SystemTime, time()): use the host's clock"
        }
        "random_get" => "something wants randomness: use the host's `random`",
        "proc_exit" | "sched_yield" => {
            "a C library's start and exit code is linked in: link with -nostdlib --no-entry"
        }
        name if name.starts_with("path_") || name.starts_with("fd_") => {
            "something opens files: use the host's `store`, or assets"
        }
        name if name.starts_with("sock_") => {
            "something opens sockets: use the host's `tcp-connect`, `udp`, `http-client`"
        }
        _ => "a library expects an operating system",
    };
    format!("Likely cause: {cause}. Build for wasm32-unknown-unknown, not for wasm32-wasi")
}

/// A language's runtime asks for dozens.
const SHOWN_STRANGERS: usize = 4;

fn refuse_strangers(component: &[u8]) -> Result<(), String> {
    let decoded = wit_component::decode(component).map_err(|error| format!("no component: {error:#}"))?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        return Err("this is a package of interfaces, not a component".to_owned());
    };
    let world = &resolve.worlds[world];
    let names = |items: Vec<&wit_parser::WorldKey>| -> Vec<String> {
        items.into_iter().map(|key| resolve.name_world_key(key)).collect()
    };
    let strangers: Vec<String> =
        names(world.imports.keys().collect()).into_iter().filter(|name| !name.starts_with(PACKAGE)).collect();
    if !strangers.is_empty() {
        let wasi = strangers.iter().any(|name| name.starts_with("wasi:"));
        let hint = if wasi {
            "; OpenNMC offers no WASI: the language's runtime wants an operating system. With componentize-py, build with `--stub-wasi`"
        } else {
            ""
        };
        let named = strangers.iter().take(SHOWN_STRANGERS).cloned().collect::<Vec<_>>().join(", ");
        let more = match strangers.len().saturating_sub(SHOWN_STRANGERS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        return Err(format!("the component imports {named}{more}{hint}"));
    }
    let exports = names(world.exports.keys().collect());
    if !exports.iter().any(|name| name.starts_with("opennmc:plugin/lifecycle@")) {
        return Err(
            "the component does not export opennmc:plugin/lifecycle, which every plugin has".to_owned()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with one imported function of these names.
    fn importing(module: &str, name: &str) -> Vec<u8> {
        let mut imports = vec![1, module.len() as u8];
        imports.extend(module.as_bytes());
        imports.push(name.len() as u8);
        imports.extend(name.as_bytes());
        imports.extend([0, 0]);
        let mut bytes = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02".to_vec();
        bytes.push(imports.len() as u8);
        bytes.extend(imports);
        bytes
    }

    #[test]
    fn a_module_that_prints_hears_why_it_can_not_be_a_plugin() {
        let refusal = component(&importing("wasi_snapshot_preview1", "fd_write")).unwrap_err();
        assert!(refusal.contains("WASI") && refusal.contains("println!"), "{refusal}");
        let refusal = component(&importing("wasi_snapshot_preview1", "clock_time_get")).unwrap_err();
        assert!(refusal.contains("clock"), "{refusal}");
    }

    #[test]
    fn a_crate_for_browsers_is_named_as_the_likely_cause() {
        let refusal = component(&importing("__wbindgen_placeholder__", "__wbg_now")).unwrap_err();
        assert!(refusal.contains("browser"), "{refusal}");
    }

    #[test]
    fn a_module_without_lifecycle_is_refused() {
        let refusal = component(b"\0asm\x01\0\0\0").unwrap_err();
        assert!(refusal.contains("lifecycle"), "{refusal}");
    }

    #[test]
    fn what_is_no_wasm_is_refused() {
        assert!(component(b"hello").is_err());
    }
}
