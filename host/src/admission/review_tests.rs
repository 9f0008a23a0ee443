use super::*;

fn review(request: Value) -> Vec<u8> {
    let body = json!({"apiVersion": API_VERSION, "kind": "AdmissionReview", "request": request});
    body.to_string().into_bytes()
}

fn request() -> Value {
    json!({
        "uid": "u1", "operation": "UPDATE", "namespace": "acme", "name": "shop",
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "userInfo": {"username": "jane", "groups": ["people"]},
        "options": {"fieldManager": "kubectl-edit"},
        "object": {
            "metadata": {
                "name": "shop", "namespace": "acme", "uid": "x", "resourceVersion": "7",
                "generation": 2, "managedFields": [{}], "creationTimestamp": "t",
                "labels": {"app": "shop", "applyset.kubernetes.io/part-of": "s"},
                "annotations": {"trimtab.io/digest": "d", "example.org/note": "n"},
            },
            "spec": {"replicas": 1}, "status": {"replicas": 1},
        },
    })
}

#[test]
fn a_rule_is_handed_what_the_objects_manifest_would_be() {
    let request = Request::read(&review(request())).expect("a review");
    assert!(request.is_judged() && !request.is_leaving());
    assert_eq!(request.field_manager(), "kubectl-edit");
    assert_eq!(request.key().to_string(), "Deployment.apps acme/shop");
    let expected = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "shop", "namespace": "acme", "labels": {"app": "shop"},
            "annotations": {"example.org/note": "n"},
        },
        "spec": {"replicas": 1},
    });
    assert_eq!(request.into_manifests(), (None, expected));
}

#[test]
fn an_object_on_its_way_out_loses_finalizers_and_nothing_else_unheard() {
    let mut asked = request();
    asked["object"]["metadata"]["deletionTimestamp"] = "t".into();
    asked["object"]["metadata"]["finalizers"] = json!(["a", "b"]);
    asked["oldObject"] = asked["object"].clone();
    asked["object"]["metadata"]["finalizers"] = json!(["b"]);
    asked["object"]["metadata"]["resourceVersion"] = "8".into();
    let leaving = |asked: &Value| {
        Request::read(&review(asked.clone()))
            .expect("a review")
            .is_leaving()
    };
    assert!(leaving(&asked));
    asked["object"]["spec"]["replicas"] = 7.into();
    assert!(!leaving(&asked));
    asked["oldObject"] = Value::Null;
    assert!(!leaving(&asked));
}

#[test]
fn a_container_that_is_added_to_a_pod_that_runs_is_judged_and_a_status_is_not() {
    let mut asked = request();
    for (part, judged) in [
        ("", true),
        ("ephemeralcontainers", true),
        ("resize", true),
        ("status", false),
        ("scale", false),
    ] {
        asked["subResource"] = part.into();
        let request = Request::read(&review(asked.clone())).expect("a review");
        assert_eq!(request.is_judged(), judged, "{part}");
    }
}

#[test]
fn a_name_that_the_server_makes_up_is_told_by_its_beginning() {
    let mut asked = request();
    asked["name"] = Value::Null;
    asked["object"]["metadata"] = json!({"generateName": "shop-"});
    let request = Request::read(&review(asked)).expect("a review");
    assert_eq!(request.key().to_string(), "Deployment.apps acme/shop-");
}

#[test]
fn what_is_no_review_is_told_without_a_value_of_it() {
    let told = |body: &[u8]| Request::read(body).expect_err("no review").to_string();
    assert!(told(b"").contains("it ends too early"));
    assert!(told(b"\xff\xfe").contains("it is not JSON"));
    assert!(told(b"[]").contains("a field is missing or of another type"));
    assert!(told(b"{}").contains("this webhook takes AdmissionReview"));
    let other = json!({"apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview"});
    assert!(told(other.to_string().as_bytes()).contains("v1beta1"));
    assert_eq!(
        told(&review(Value::Null)),
        "the AdmissionReview has no request"
    );
    let mut secret = request();
    secret["kind"] = "hunter2".into();
    let words = told(&review(secret));
    assert!(!words.contains("hunter2"), "{words}");
    let mut none = request();
    none["object"] = Value::Null;
    assert_eq!(told(&review(none)), "request.object is missing or empty");
    let mut nested = String::from("[").repeat(100_000);
    nested.insert_str(0, r#"{"request": {"object": "#);
    assert!(told(nested.as_bytes()).contains("it is not JSON"));
}

#[test]
fn a_deletion_and_a_subresource_are_not_judged() {
    let mut deleted = request();
    deleted["operation"] = "DELETE".into();
    deleted["object"] = Value::Null;
    assert!(
        !Request::read(&review(deleted))
            .expect("a review")
            .is_judged()
    );
    let mut status = request();
    status["subResource"] = "status".into();
    assert!(
        !Request::read(&review(status))
            .expect("a review")
            .is_judged()
    );
}

fn finding(severity: Severity, message: &str) -> Finding {
    let mut finding = Finding::host_error("", message).field("/spec/ports/0/port");
    finding.rule = "port-policy/service-port".into();
    finding.severity = severity;
    finding.proposed = Some("1024".into());
    finding
}

#[test]
fn an_error_denies_with_rule_field_message_and_proposal_and_a_warning_warns() {
    let findings = [
        finding(Severity::Error, "port 80 is not allowed"),
        finding(Severity::Warning, "port 81\nis odd"),
        finding(Severity::Info, "exempt"),
    ];
    let source = Some("kits/acme/shop/service.yaml:1");
    let verdict = Verdict::of(&findings, false, source);
    let denied = "[port-policy/service-port] /spec/ports/0/port: port 80 is not allowed; write 1024 instead\n\
                  the object is kept in Git, at kits/acme/shop/service.yaml:1";
    assert_eq!(verdict.denied.as_deref(), Some(denied));
    let response = verdict.response("u1");
    assert_eq!(response["response"]["allowed"], false);
    assert_eq!(response["response"]["uid"], "u1");
    assert_eq!(response["response"]["status"]["message"], denied);
    assert_eq!(
        response["response"]["warnings"].as_array().map(Vec::len),
        Some(1)
    );
    assert!(!verdict.warnings[0].contains('\n'));

    let verdict = Verdict::of(&findings, true, source);
    assert_eq!(verdict.denied, None);
    assert_eq!(verdict.warnings.len(), 2);
    assert_eq!(verdict.response("u1")["response"]["allowed"], true);
}
