use super::*;

fn of(name: &str) -> Option<Variable<'static>> {
    let (text, secret) = match name {
        "name" => ("shop", false),
        "path" => ("/path/to/file.tar.gz", false),
        "mixed" => ("abcABC123ABCabc", false),
        "odd" => ("é${name} $$", false),
        "empty" => ("", false),
        "key" => ("hunter22", true),
        _ => return None,
    };
    Some(Variable { text, secret })
}

fn lenient(text: &str) -> Result<String, Fault> {
    expand(text, &of, false, &mut Work::default()).map(|it| it.text)
}

fn strict(text: &str) -> Result<String, Fault> {
    expand(text, &of, true, &mut Work::default()).map(|it| it.text)
}

#[test]
fn what_people_use_gives_what_flux_gives() {
    for (text, made) in [
        ("", ""),
        ("no variable: $name {name}", "no variable: $name {name}"),
        ("${name}-${name}", "shop-shop"),
        ("${unset}", ""),
        ("${unset:-a}${unset:=b}${unset=c}", "abc"),
        ("${name:-a}${empty:-b}", "shopb"),
        ("${unset:-${name}-x${name^}}", "shop-xShop"),
        // All operations with a default do the same there.
        ("${name:+a}${unset:+a}${unset:?b}", "shopab"),
        ("$${name} $$", "${name} $"),
        ("$$${name} $$$${name}", "$shop $${name}"),
        ("${#name}", "4"),
        ("${name^}${name^^}${mixed,,}", "ShopSHOPabcabc123abcabc"),
        ("${name:1}|${name:1:2}|${name:-1}", "hop|ho|shop"),
        ("${name:0:-1}|${name:9}|${name:1:x}", "sho||shop"),
        ("${mixed/abc/x}", "xABC123ABCabc"),
        ("${mixed//abc/x}", "xABC123ABCx"),
        (
            "${mixed/#abc/x}|${mixed/%abc/x}",
            "xABC123ABCabc|abcABC123ABCx",
        ),
        ("${path//\\//-}", "-path-to-file.tar.gz"),
        ("${path/tar/}", "/path/to/file..gz"),
        ("${path#*/}|${path##*/}", "path/to/file.tar.gz|file.tar.gz"),
        ("${path%.*}|${path%%.*}", "/path/to/file.tar|/path/to/file"),
        ("${path#[/a]p?th}", "/to/file.tar.gz"),
        // What a value holds is not looked at again.
        ("${odd}", "é${name} $$"),
    ] {
        assert_eq!(lenient(text).as_deref(), Ok(made), "{text}");
    }
}

#[test]
fn what_flux_refuses_is_refused_and_so_is_what_is_not_set() {
    for text in [
        "${",
        "${}",
        "${name",
        "${name-a}",
        "${name/a}",
        "${name:}",
        "${name#}",
        "${na me}",
        "${name:-",
        "${name/a/b",
    ] {
        let fault = lenient(text).expect_err(text);
        assert!(matches!(fault, Fault::Syntax(_)), "{text}: {fault}");
    }
    for text in ["${unset}", "${unset^^}", "${name:-${unset}}", "${#unset}"] {
        assert_eq!(strict(text), Err(Fault::Unset("unset".into())), "{text}");
    }
    assert_eq!(strict("${unset:-}${empty}"), Ok(String::new()));
}

#[test]
fn nothing_grows_or_works_without_end() {
    let nested = format!("{}x{}", "${unset:-".repeat(40), "}".repeat(40));
    assert!(matches!(lenient(&nested), Err(Fault::Syntax(_))));
    let long = "a".repeat(600_000);
    let given = |name: &str| {
        let text = (name == "long").then_some(&*long);
        text.map(|text| Variable {
            text,
            secret: false,
        })
    };
    let expanded = |text: &str| expand(text, &given, false, &mut Work::default());
    assert_eq!(expanded("${long}${long}"), Err(Fault::TooLong));
    assert_eq!(expanded("${long//a/${long}}"), Err(Fault::TooLong));
    assert_eq!(expanded("${long#*a*a*a*b}"), Err(Fault::TooMuch));
    let mut work = Work::default();
    let all = (0..100).try_for_each(|_| expand("${long}", &given, false, &mut work).map(drop));
    assert_eq!(all, Err(Fault::TooLong));
}

#[test]
fn a_character_is_not_cut_in_two() {
    assert_eq!(lenient("${odd:1}"), Err(Fault::Cut));
    assert_eq!(lenient("${odd:2:1}").as_deref(), Ok("$"));
}

#[test]
fn what_a_secret_became_is_known() {
    let made = expand(
        "${name} ${key} ${unset:-${key^^}} ${key/hunter22/}",
        &of,
        true,
        &mut Work::default(),
    )
    .expect("fine");
    assert_eq!(made.secrets, ["hunter22", "HUNTER22"]);
    let plain = expand("${name}", &of, true, &mut Work::default()).expect("fine");
    assert_eq!(plain.secrets, [""; 0]);
}
