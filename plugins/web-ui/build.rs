//! Gives the guest a small stack: with the default of 1 MiB each plugin costs 1.2 MB of memory on the card.
//!
//! A plugin must do this itself, because cargo passes link arguments only to the package whose build script names them.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32") {
        println!("cargo:rustc-link-arg-cdylib=-zstack-size=65536");
    }
}
