"""Creates a stack of each template in moto, and writes what describe-rules returns for it: stack.py FOLDER.

FOLDER has NAME.yaml with the rules of the listener `!ImportValue edge`. Written are NAME-rules.json, or NAME-refused.txt with the reason
of a stack that moto does not create.
"""

import json
import pathlib
import sys

import boto3
from moto import mock_aws

REGION = "us-east-1"
# The listener that the templates import.
EDGE = """
AWSTemplateFormatVersion: '2010-09-09'
Parameters: {{ Balancer: {{ Type: String }} }}
Resources:
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: {port}
      Protocol: HTTP
      DefaultActions: [{{ Type: fixed-response, FixedResponseConfig: {{ StatusCode: '404', ContentType: text/plain }} }}]
Outputs:
  Listener: {{ Value: !Ref Listener, Export: {{ Name: {name} }} }}
"""


def created(cloud, **stack):
    """The resources of a stack, by their logical ids; raises if it is not complete."""
    cloud.create_stack(**stack)
    name = stack["StackName"]
    status = cloud.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    if status != "CREATE_COMPLETE":
        raise RuntimeError(status)
    resources = cloud.describe_stack_resources(StackName=name)["StackResources"]
    return {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}


def main(folder):
    ec2, elb, cloud = (boto3.client(name, region_name=REGION) for name in ("ec2", "elbv2", "cloudformation"))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=REGION + zone)["Subnet"]["SubnetId"]
        for index, zone in enumerate("ab")
    ]
    balancer = elb.create_load_balancer(Name="edge", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    for port, file in enumerate(sorted(folder.glob("*.yaml")), 8000):
        # A listener for each template, so that describe-rules has its rules only.
        edge = f"edge-{port}"
        parameters = [{"ParameterKey": "Balancer", "ParameterValue": balancer}]
        template = EDGE.format(port=port, name=edge)
        listener = created(cloud, StackName=edge, TemplateBody=template, Parameters=parameters)["Listener"]
        template = file.read_text(encoding="utf-8")
        assert "!ImportValue edge\n" in template and "vpc-0123456789abcdef0" in template, file
        template = template.replace("!ImportValue edge\n", f"!ImportValue {edge}\n").replace("vpc-0123456789abcdef0", vpc)
        parameters = [{"ParameterKey": "Open", "ParameterValue": "open.example.com"}]
        try:
            created(cloud, StackName=f"rules-{port}", TemplateBody=template, Parameters=parameters)
            described = elb.describe_rules(ListenerArn=listener)
        except Exception as error:  # Of every kind: moto fails in its own code too.
            (folder / f"{file.stem}-refused.txt").write_text(f"{type(error).__name__}: {error}\n", encoding="utf-8")
            continue
        described.pop("ResponseMetadata")
        assert len(described["Rules"]) == 2, described
        (folder / f"{file.stem}-rules.json").write_text(json.dumps(described), encoding="utf-8")


with mock_aws():
    main(pathlib.Path(sys.argv[1]))
