//! Messages about a text that is not the ARN of a load balancer.

use crate::config::{ALB, builder, entry, problem, problems};

#[test]
fn each_part_of_an_arn_is_named_when_it_is_wrong() {
    let with = |from: &str, to: &str| ALB.replacen(from, to, 1);
    let name_of_33 = with("/edge/", &format!("/{}/", "a".repeat(33)));
    for (arn, sentence) in [
        (
            "edge".to_owned(),
            "is not an ARN: expected arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>",
        ),
        ("edge-123.eu-central-1.elb.amazonaws.com".to_owned(), "is not an ARN: expected"),
        (with("arn:", "ARN:"), "is not an ARN: expected"),
        (with("arn:", " arn:"), "is not an ARN: expected"),
        (with("arn:aws:", "arn:azure:"), "the partition (second part) of"),
        (with("arn:aws:", "arn::"), "the partition (second part) of"),
        (with("arn:aws:", "arn:aws-:"), "the partition (second part) of"),
        (with("arn:aws:", "arn:AWS:"), "the partition (second part) of"),
        (with("elasticloadbalancing", "ec2"), "the service (third part) of"),
        (with("eu-central-1", ""), "the region (fourth part) of"),
        (with("123456789012", "12345678901"), "the account (fifth part) of"),
        (with("123456789012", "1234567890123"), "the account (fifth part) of"),
        (with("123456789012", "12345678901a"), "the account (fifth part) of"),
        (with("123456789012", ""), "the account (fifth part) of"),
        (
            with(":loadbalancer/", ":listener/") + "/f2f7dc8efc522ab2",
            "is the ARN of a listener, but the signer of a token is the load balancer: its ARN has loadbalancer instead of listener or listener-rule and ends after the first id of 16 digits",
        ),
        (with(":loadbalancer/", ":listener-rule/") + "/f2f7dc8efc522ab2/9683b2d02a6cabee", "is the ARN of a listener"),
        (
            with(":loadbalancer/app/", ":targetgroup/"),
            "is the ARN of a target group, but the signer of a token is the load balancer",
        ),
        (
            with("/app/", "/net/"),
            "is not an Application Load Balancer (loadbalancer/app/...): no other kind signs users in",
        ),
        (with("/app/", "/gwy/"), "is not an Application Load Balancer"),
        (with("/app/edge/50dc6c495c0c9188", "/edge"), "is not an Application Load Balancer"),
        (with("/edge/", "/ed_ge/"), "the resource (last part) of"),
        (with("/edge/", "//"), "the resource (last part) of"),
        (
            name_of_33,
            "with a name of at most 32 letters, digits and hyphens and an id of 16 lower-case hexadecimal digits",
        ),
        (with("50dc6c495c0c9188", "50DC6C495C0C9188"), "the resource (last part) of"),
        (with("50dc6c495c0c9188", "50dc6c495c0c918"), "the resource (last part) of"),
        (with("50dc6c495c0c9188", "50dc6c495c0c91880"), "the resource (last part) of"),
        (format!("{ALB}/f2f7dc8efc522ab2"), "the resource (last part) of"),
        (format!("{ALB} "), "the resource (last part) of"),
        (with("/app/edge/50dc6c495c0c9188", "/app/edge"), "the resource (last part) of"),
        (with(":loadbalancer/app/edge/50dc6c495c0c9188", ""), "the resource (last part) of"),
    ] {
        let problem = problem(builder([entry(&arn)]));
        assert!(problem.contains(sentence), "{arn}\n{problem}\n{sentence}");
        assert!(problem.starts_with("the entry of issuer \"https://idp.example.com\": "), "{problem}");
        assert!(
            problem
                .ends_with("aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'"),
            "{problem}"
        );
    }
}

#[test]
fn every_kind_of_sound_arn_is_accepted() {
    let longest = format!("/{}/", "a".repeat(32));
    for (from, to) in [
        ("/edge/", "/E-1/"),
        ("/edge/", longest.as_str()),
        ("eu-central-1", "us-east-1"),
        ("eu-central-1", "ap-southeast-7"),
        ("eu-central-1", "xx-somewhere-new-12"),
        ("arn:aws:elasticloadbalancing:eu-central-1", "arn:aws-us-gov:elasticloadbalancing:us-gov-east-1"),
    ] {
        assert_eq!(problems(builder([entry(&ALB.replacen(from, to, 1))])), Vec::<String>::new(), "{to}");
    }
}

#[test]
fn what_was_found_is_shown_short_and_printable() {
    let said = problem(builder([entry(&format!("arn:\u{1b}[31m\r\n\u{202e}{}", "x".repeat(5000)))]));
    assert!(said.len() < 700, "{}", said.len());
    assert!(said.chars().all(|c| (' '..='~').contains(&c)), "{said:?}");
}
