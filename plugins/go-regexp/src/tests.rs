use super::{Refusal, compile};

#[test]
fn a_pattern_matches_what_it_matches_in_go() {
    for (pattern, text, expected) in [
        (r"^\d+$", "٣", false),
        (r"^\w+$", "é", false),
        (r"^[\w.-]+$", "a_1.-", true),
        (r"^\W$", "é", true),
        (r"^[^\s]+$", "a b", false),
        (r"\bweb\b", "a web b", true),
        ("^[[]$", "[", true),
        ("^[]a]+$", "]a", true),
        ("^[^]]$", "a", true),
        ("^[[:alpha:]_]+$", "a_b", true),
        ("^[[:^alpha:]]+$", "12", true),
        ("^[a&&b]+$", "&&", true),
        ("^[+--]+$", "+,-", true),
        ("^[--a]+$", "-_a", true),
        ("^[a-]+$", "a-", true),
        ("^(?i)WEB$", "web", true),
        ("^(?i:W)eb$", "web", true),
        (r"^\\d$", r"\d", true),
        (r"^\p{Greek}$", "α", true),
        (r"^\p{^Greek}$", "α", false),
        (r"^\pL\PL$", "α1", true),
        ("{{", "a {{ b", true),
        ("^{$", "{", true),
        ("^a{,2}$", "a{,2}", true),
        ("^a{2,3}$", "aaa", true),
        ("^a{01}$", "a{01}", true),
        (r"\${.*}", "${HOME}", true),
        (r"\$\{.*\}", "${HOME}", true),
        (r":\Qlatest\E$", "web:latest", true),
        (r"\Q.*", "a.*b", true),
        (r"\Q.*", "abc", false),
        (r"^\Qab\E+$", "abbb", true),
        (r"\<script", "a<script>", true),
        (r"\<script", "a script", false),
        (r"script\>", "script>", true),
        (r"^\101\0$", "A\0", true),
        (r"^[\101-\103]+$", "ABC", true),
        (r"^\x41\x{1F600}$", "A😀", true),
        (r"^\_\-\#\ $", "_-# ", true),
        (r"^a \#b$", "a #b", true),
        ("(?P<first>a)(?<second>b)", "ab", true),
        (r"^\b{2}$", "{2}", false),
        ("^()*a||b$", "b", true),
        ("(?)a", "a", true),
    ] {
        let compiled = compile(pattern).unwrap_or_else(|it| panic!("{pattern}: {it:?}"));
        assert_eq!(compiled.is_match(text), expected, "{pattern} {text}");
    }
}

#[test]
fn what_is_no_pattern_to_go_is_invalid() {
    for pattern in [
        "(",
        ")",
        "[",
        "[]",
        "[^]",
        "[b-a]",
        "[a--b]",
        r"\",
        "(?=a)",
        "(?<=a)b",
        "(?!a)",
        "(?P=a)",
        "(?x)a",
        "(?i-)a",
        "(?P<a-b>c)",
        "*",
        "a**",
        "a+*",
        "a{2}{3}",
        "(*)",
        "a|*",
        "{2}a{3}*",
        "a{1001}",
        "a{2,1}",
        "(a{100}){100}",
        r"\1",
        r"\8",
        r"\q",
        r"\E",
        r"\C",
        r"\é",
        r"\x4",
        r"\x{}",
        r"\x{110000}",
        r"\p",
        r"\p{",
        r"\p{a=b}",
        r"[\b]",
        r"[\Qa\E]",
        "[[:letter:]]",
    ] {
        assert_eq!(compile(pattern).err(), Some(Refusal::Invalid), "{pattern}");
    }
}

#[test]
fn what_go_takes_and_is_not_taken_here_is_said_to_be_lacking() {
    for pattern in [
        r"\p{L}{1,253}",
        "(?P<1>a)",
        "(?P<a>b)(?P<a>c)",
        r"\p{Nobody}",
    ] {
        let refusal = compile(pattern).err();
        assert!(
            matches!(refusal, Some(Refusal::Lacks(_))),
            "{pattern}: {refusal:?}"
        );
    }
}
