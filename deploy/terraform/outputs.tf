output "load_balancer_arn" {
  description = "The signer: the value of ALB_AUTH_SIGNERS and auth.providers.awsalb.signer. It is not the listener's ARN."
  value       = aws_lb.edge.arn
}

output "dns_name" {
  description = "The target of the host's DNS record."
  value       = aws_lb.edge.dns_name
}

output "service_security_group_id" {
  description = "The group of the tasks."
  value       = aws_security_group.service.id
}
