#!/usr/bin/env bash
# Writes the ConfigMap alb-auth with the ARN of the load balancer that the controller has made for the Ingresses:
#     deploy/kubernetes/signer.sh NAMESPACE INGRESS ISSUER CLIENT_ID EMAIL_DOMAIN
# The ARN ends in a random part, so it is known only after the Ingress has an address. Run this once after the first
# `kubectl apply -k deploy/kubernetes`; the pods start as soon as the ConfigMap is there. Run it again if the load balancer is
# replaced, and restart the Deployment.
set -euo pipefail
if [ $# -ne 5 ]; then
    echo "signer.sh: expected NAMESPACE INGRESS ISSUER CLIENT_ID EMAIL_DOMAIN, found $# arguments" >&2
    exit 2
fi
namespace=$1 ingress=$2 issuer=$3 client=$4 domain=$5

name=$(kubectl get ingress "$ingress" --namespace "$namespace" --output jsonpath='{.status.loadBalancer.ingress[0].hostname}')
if [ -z "$name" ]; then
    echo "signer.sh: the Ingress $ingress has no address yet: see kubectl describe ingress $ingress --namespace $namespace" >&2
    exit 1
fi
arn=$(aws elbv2 describe-load-balancers --query "LoadBalancers[?DNSName=='$name'].LoadBalancerArn" --output text)
case $arn in
    *[[:space:]]* | '' | None)
        echo "signer.sh: expected one load balancer with the address $name, found '$arn': compare the region of the AWS CLI" >&2
        exit 1
        ;;
    arn:aws*:elasticloadbalancing:*:loadbalancer/app/*) ;;
    *)
        echo "signer.sh: expected the ARN of an application load balancer, found $arn" >&2
        exit 1
        ;;
esac
kubectl create configmap alb-auth --namespace "$namespace" --dry-run=client --output yaml \
    --from-literal=ALB_AUTH_SIGNERS="$arn" \
    --from-literal=ALB_AUTH_ISSUER="$issuer" \
    --from-literal=ALB_AUTH_CLIENT_IDS="$client" \
    --from-literal=ALB_AUTH_EMAIL_DOMAINS="$domain" | kubectl apply --filename -
