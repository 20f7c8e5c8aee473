//! The least that a guest can be.

wit_bindgen::generate!({
    inline: "package fixture:plain; world plain { export opennmc:plugin/lifecycle@0.1.0; }",
    path: "../../../wit",
    world: "fixture:plain/plain",
});

struct Plain;

impl exports::opennmc::plugin::lifecycle::Guest for Plain {
    fn start(_config: String) -> Result<(), String> {
        Ok(())
    }

    fn stop() {}
}

export!(Plain);
