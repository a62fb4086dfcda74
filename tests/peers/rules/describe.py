"""Puts rules into moto, and writes what describe-rules and describe-listeners return: describe.py FOLDER."""

import json
import sys

import boto3
from moto import mock_aws

REGION = "us-east-1"
OIDC = {
    "Type": "authenticate-oidc",
    "Order": 1,
    "AuthenticateOidcConfig": {
        "Issuer": "https://idp.example.com",
        "AuthorizationEndpoint": "https://idp.example.com/authorize",
        "TokenEndpoint": "https://idp.example.com/token",
        "UserInfoEndpoint": "https://idp.example.com/userinfo",
        "ClientId": "web",
        "ClientSecret": "s3cr3t-of-a-client",
    },
}
COGNITO = {
    "Type": "authenticate-cognito",
    "Order": 1,
    "AuthenticateCognitoConfig": {
        "UserPoolArn": "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_abc",
        "UserPoolClientId": "web",
        "UserPoolDomain": "users",
        "OnUnauthenticatedRequest": "deny",
        "SessionTimeout": 3600,
    },
}
NOT_FOUND = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"}}
TO_HTTPS = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}


def path(pattern):
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": [pattern]}}


def sets(web, api):
    def forward(group, **more):
        return {"Type": "forward", "TargetGroupArn": group, **more}

    def weighted(sticky, **more):
        groups = [{"TargetGroupArn": web, "Weight": 3}, {"TargetGroupArn": api, "Weight": 1}]
        config = {"TargetGroups": groups}
        if sticky:
            config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": 60}
        return {"Type": "forward", "ForwardConfig": config, **more}

    header = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Kind", "Values": ["a*"]}}
    query = {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "1"}, {"Value": "x"}]}}
    method = {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["OPTIONS"]}}
    source = {"Field": "source-ip", "SourceIpConfig": {"Values": ["127.0.0.0/8"]}}
    old_path, old_host = ({"Field": field, "Values": [value]} for field, value in (("path-pattern", "/old"), ("host-header", "*.example.com")))
    return {
        "oidc": ("HTTPS", [NOT_FOUND], [([path("/a/*")], [OIDC, forward(web, Order=2)]), ([old_path], [forward(api)])]),
        "weights": ("HTTPS", [forward(web)], [([old_host, header], [OIDC, weighted(False, Order=2)])]),
        "cognito": ("HTTPS", [COGNITO, forward(web, Order=2)], [([method], [NOT_FOUND]), ([source], [forward(api)])]),
        "plain": ("HTTP", [TO_HTTPS], [([query], [forward(web)])]),
        "sticky": ("HTTPS", [NOT_FOUND], [([path("/sticky")], [weighted(True)])]),
    }


def main(folder):
    ec2, elb, acm = (boto3.client(name, region_name=REGION) for name in ("ec2", "elbv2", "acm"))
    certificate = acm.request_certificate(DomainName="app.example.com")["CertificateArn"]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=REGION + zone)["Subnet"]["SubnetId"]
        for index, zone in enumerate("ab")
    ]
    balancer = elb.create_load_balancer(Name="edge", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    groups = [
        elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
        for name in ("web", "api")
    ]
    for index, (name, (protocol, default, rules)) in enumerate(sets(*groups).items()):
        certificates = {"Certificates": [{"CertificateArn": certificate}]} if protocol == "HTTPS" else {}
        listener = elb.create_listener(
            LoadBalancerArn=balancer, Protocol=protocol, Port=8000 + index, DefaultActions=default, **certificates
        )["Listeners"][0]["ListenerArn"]
        for number, (conditions, actions) in enumerate(rules, 1):
            elb.create_rule(ListenerArn=listener, Priority=10 * number, Conditions=conditions, Actions=actions)
        described = {
            "rules": elb.describe_rules(ListenerArn=listener),
            "listeners": elb.describe_listeners(ListenerArns=[listener]),
        }
        for kind, response in described.items():
            response.pop("ResponseMetadata")
            with open(f"{folder}/{name}-{kind}.json", "w", encoding="utf-8") as file:
                json.dump(response, file)


with mock_aws():
    main(sys.argv[1])
