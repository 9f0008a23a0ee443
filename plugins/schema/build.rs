//! Puts target/schemas/kubernetes.json into statics, which cost nothing until they are looked at.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use serde_json::Value;

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let schemas = here.join("../../target/schemas/kubernetes.json");
    println!("cargo::rerun-if-changed={}", schemas.display());
    let code = match fs::read(&schemas) {
        Ok(text) => code(&serde_json::from_slice(&text).expect("cargo xtask schemas wrote JSON")),
        // The rest of the workspace can be checked and tested without them.
        Err(_) if env::var("CARGO_CFG_TARGET_ARCH").as_deref() != Ok("wasm32") => {
            "pub static BODIES: &[&str] = &[];\npub static RELEASES: &[Release] = &[];\n".into()
        }
        Err(error) => {
            println!(
                "cargo::error=target/schemas/kubernetes.json cannot be read ({error}): `cargo xtask schemas` makes it"
            );
            return;
        }
    };
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("kubernetes.rs"), code).expect("cargo made the folder");
}

fn code(schemas: &Value) -> String {
    let mut code = String::from("pub static BODIES: &[&str] = &[\n");
    let mut line = |text: String| {
        code.push_str(&text);
        code.push('\n');
    };
    for body in list(&schemas["bodies"]) {
        line(format!("{:?},", text(body)));
    }
    line("];\npub static RELEASES: &[Release] = &[".into());
    for release in list(&schemas["releases"]) {
        let mut definitions = String::new();
        for (name, body) in release["definitions"].as_object().into_iter().flatten() {
            write!(definitions, "({name:?}, {body}),").expect("a string takes all");
        }
        let mut kinds = String::new();
        for kind in list(&release["kinds"]) {
            write!(
                kinds,
                "Kind {{ api_version: {:?}, kind: {:?}, definition: {:?}, kept: {} }},",
                text(&kind[0]),
                text(&kind[1]),
                text(&kind[2]),
                kind[4]
            )
            .expect("a string takes all");
        }
        let minor = &release["minor"];
        line(format!(
            "Release {{ minor: {minor}, definitions: &[{definitions}], kinds: &[{kinds}] }},"
        ));
    }
    line("];".into());
    code
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
