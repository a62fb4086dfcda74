# The load balancer that signs users in.

resource "aws_security_group" "edge" {
  name        = "${var.name}-edge"
  description = "The load balancer. Targets admit this group and nothing else."
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "edge_from_clients" {
  security_group_id = aws_security_group.edge.id
  description       = "Clients"
  cidr_ipv4         = var.client_cidr
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# The load balancer itself calls the token and userinfo endpoints.
resource "aws_vpc_security_group_egress_rule" "edge_to_provider" {
  security_group_id = aws_security_group.edge.id
  description       = "The identity provider"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "edge_to_service" {
  security_group_id            = aws_security_group.edge.id
  description                  = "The sidecar"
  referenced_security_group_id = aws_security_group.service.id
  ip_protocol                  = "tcp"
  from_port                    = 3000
  to_port                      = 3000
}

resource "aws_lb" "edge" {
  # checkov:skip=CKV2_AWS_28:A web application firewall depends on the operator's other hosts; this module must not choose one.
  # checkov:skip=CKV2_AWS_20:There is no listener on port 80, so there is nothing to redirect.
  name               = var.name
  load_balancer_type = "application"
  internal           = false
  subnets            = var.public_subnet_ids
  security_groups    = [aws_security_group.edge.id]

  drop_invalid_header_fields = true
  desync_mitigation_mode     = "strictest"
  xff_header_processing_mode = "append"
  enable_deletion_protection = true

  access_logs {
    bucket  = var.access_log_bucket
    enabled = true
  }
}

# There is no listener on port 80: a first request in plain text would carry cookies.
resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.edge.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
}
