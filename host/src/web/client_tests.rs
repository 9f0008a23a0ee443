use super::*;

#[test]
fn each_refusal_of_the_api_server_says_what_to_do() {
    let said = |code: u16, message: &str| {
        let body = serde_json::json!({"kind": "Status", "message": message}).to_string();
        let status = StatusCode::from_u16(code).expect("a code");
        of_api_server(status, body.as_bytes(), "trimtab-system").to_string()
    };
    let words = said(403, "services \"https:trimtab:443\" is forbidden");
    assert!(
        words.contains("trimtab-reader") && words.contains("is forbidden"),
        "{words}"
    );
    let words = said(404, "services \"trimtab\" not found");
    assert!(
        words.contains("Service trimtab") && words.contains("--host-namespace"),
        "{words}"
    );
    let words = said(503, "no endpoints available for service \"trimtab\"");
    assert!(
        words.contains("no endpoints available") && words.contains("9444"),
        "{words}"
    );
    let status = StatusCode::BAD_GATEWAY;
    let words = of_api_server(status, b"<html>a load balancer's</html>", "x").to_string();
    assert!(
        words.contains("502") && words.contains("load balancer"),
        "{words}"
    );
}

#[test]
fn what_was_asked_wrongly_is_told_apart_from_what_cannot_be_told() {
    let refused = |status| {
        AskError::Refused(Refusal {
            status,
            message: "no".into(),
            hint: Some("ask better".into()),
        })
    };
    assert!(refused(StatusCode::NOT_FOUND).is_usage());
    assert!(!refused(StatusCode::UNAUTHORIZED).is_usage());
    assert!(!refused(StatusCode::SERVICE_UNAVAILABLE).is_usage());
    assert_eq!(refused(StatusCode::NOT_FOUND).to_string(), "no; ask better");
}

#[test]
fn a_question_is_one_url_whatever_is_in_it() {
    assert_eq!(target("/v1/host", &[]), "/v1/host");
    let hostile = target("/v1/blame", &[("object", "a b&c=d#e/../?"), ("field", "ä")]);
    assert_eq!(
        hostile,
        "/v1/blame?object=a+b%26c%3Dd%23e%2F..%2F%3F&field=%C3%A4"
    );
}
