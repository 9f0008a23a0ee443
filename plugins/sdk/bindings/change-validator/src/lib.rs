//! Bindings of the world `change-validator` of trimtab:plugin (wit/plugin.wit). A crate of its own,
//! because wit-bindgen's macros for one interface can stand only once in a crate.

wit_bindgen::generate!({
    world: "change-validator",
    path: "../../../../wit/plugin.wit",
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "trimtab_plugin_change_validator",
});
