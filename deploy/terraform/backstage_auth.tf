# backstage-auth beside a stock auth backend, which keeps /api/auth and serves the public keys of both from one database. So no back end
# calls this service, and its security group admits the load balancer only. Made if var.backstage_auth is set.

# Before the rules of the stock back end, with the same client and cookie name as its pages.
resource "aws_lb_listener_rule" "backstage_auth" {
  count        = var.backstage_auth == null ? 0 : 1
  listener_arn = aws_lb_listener.https.arn
  priority     = 10

  condition {
    host_header {
      values = [var.backstage_auth.host]
    }
  }

  condition {
    path_pattern {
      values = ["/api/auth/awsalb/*"]
    }
  }

  action {
    type = "authenticate-oidc"

    authenticate_oidc {
      issuer                     = var.issuer
      authorization_endpoint     = var.authorization_endpoint
      token_endpoint             = var.token_endpoint
      user_info_endpoint         = var.user_info_endpoint
      client_id                  = var.client_id
      client_secret              = var.client_secret
      scope                      = "openid profile email"
      session_cookie_name        = var.session_cookie_name
      session_timeout            = var.session_timeout
      on_unauthenticated_request = "deny"
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.backstage_auth[0].arn
  }
}

resource "aws_security_group" "backstage_auth" {
  count       = var.backstage_auth == null ? 0 : 1
  name        = "${var.name}-backstage-auth"
  description = "backstage-auth. Admits the load balancer and nothing else."
  vpc_id      = var.vpc_id
}

# The only way in: no rule of this group names an address range.
resource "aws_vpc_security_group_ingress_rule" "backstage_auth_from_edge" {
  count                        = var.backstage_auth == null ? 0 : 1
  security_group_id            = aws_security_group.backstage_auth[0].id
  description                  = "The load balancer"
  referenced_security_group_id = aws_security_group.edge.id
  ip_protocol                  = "tcp"
  from_port                    = 7007
  to_port                      = 7007
}

resource "aws_vpc_security_group_egress_rule" "edge_to_backstage_auth" {
  count                        = var.backstage_auth == null ? 0 : 1
  security_group_id            = aws_security_group.edge.id
  description                  = "backstage-auth"
  referenced_security_group_id = aws_security_group.backstage_auth[0].id
  ip_protocol                  = "tcp"
  from_port                    = 7007
  to_port                      = 7007
}

resource "aws_vpc_security_group_egress_rule" "backstage_auth_to_https" {
  count             = var.backstage_auth == null ? 0 : 1
  security_group_id = aws_security_group.backstage_auth[0].id
  description       = "Public keys of the load balancer, images, secrets, logs"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "backstage_auth_to_database" {
  count                        = var.backstage_auth == null ? 0 : 1
  security_group_id            = aws_security_group.backstage_auth[0].id
  description                  = "PostgreSQL"
  referenced_security_group_id = var.backstage_auth.database_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_vpc_security_group_ingress_rule" "database_from_backstage_auth" {
  count                        = var.backstage_auth == null ? 0 : 1
  security_group_id            = var.backstage_auth.database_security_group_id
  description                  = "backstage-auth"
  referenced_security_group_id = aws_security_group.backstage_auth[0].id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_lb_target_group" "backstage_auth" {
  # checkov:skip=CKV_AWS_378:TLS between load balancer and task needs a certificate in the task; SECURITY.md names what plain HTTP there means.
  count                = var.backstage_auth == null ? 0 : 1
  name                 = "${var.name}-backstage-auth"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = 7007
  deregistration_delay = 30

  health_check {
    protocol            = "HTTP"
    path                = "/.backstage/health/v1/readiness"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_cloudwatch_log_group" "backstage_auth" {
  # checkov:skip=CKV_AWS_158:The log has no token, email or claim; CloudWatch encrypts it with its own key.
  count             = var.backstage_auth == null ? 0 : 1
  name              = "/${var.name}/backstage-auth"
  retention_in_days = 400
}

# What the container may do: get a database password for one role of one database.
data "aws_iam_policy_document" "backstage_auth_database" {
  count = var.backstage_auth == null ? 0 : 1

  statement {
    actions   = ["rds-db:connect"]
    resources = ["arn:${data.aws_partition.current.partition}:rds-db:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:dbuser:${var.backstage_auth.database_resource_id}/${var.backstage_auth.database_user}"]
  }
}

resource "aws_iam_role" "backstage_auth" {
  count              = var.backstage_auth == null ? 0 : 1
  name_prefix        = "${var.name}-backstage-auth-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy" "backstage_auth_database" {
  count  = var.backstage_auth == null ? 0 : 1
  name   = "database"
  role   = aws_iam_role.backstage_auth[0].id
  policy = data.aws_iam_policy_document.backstage_auth_database[0].json
}

resource "aws_ecs_task_definition" "backstage_auth" {
  # checkov:skip=CKV_AWS_336:The container has readonlyRootFilesystem; the check does not read jsonencode.
  count                    = var.backstage_auth == null ? 0 : 1
  family                   = "${var.name}-backstage-auth"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.backstage_auth[0].arn

  container_definitions = jsonencode([
    {
      name                   = "backstage-auth"
      image                  = var.backstage_auth.image
      essential              = true
      user                   = "65532:65532"
      readonlyRootFilesystem = true
      linuxParameters        = { initProcessEnabled = false, capabilities = { drop = ["ALL"] } }
      portMappings           = [{ containerPort = 7007, protocol = "tcp" }]
      # The delay of 15 s, then 20 s for requests in progress.
      stopTimeout = 60
      command = [
        "--config", "/etc/backstage/app-config.yaml",
        "--config", "/etc/backstage/app-config.production.yaml",
        "--replicas", "2",
        "--shutdown-delay", "15",
        # For the memory above: a connection takes up to 70 KiB, more with --upstream.
        "--max-connections", "2000",
      ]
      environment = [
        # deploy/backstage/app-config.production.yaml refers to these.
        { name = "ALB_ARN", value = aws_lb.edge.arn },
        { name = "OIDC_ISSUER", value = var.issuer },
        { name = "OIDC_CLIENT_ID", value = var.client_id },
        { name = "POSTGRES_HOST", value = var.backstage_auth.database_host },
        { name = "POSTGRES_USER", value = var.backstage_auth.database_user },
      ]
      logConfiguration = {
        logDriver = "awslogs"
        options = {
          awslogs-group         = aws_cloudwatch_log_group.backstage_auth[0].name
          awslogs-region        = data.aws_region.current.region
          awslogs-stream-prefix = "backstage-auth"
        }
      }
    },
  ])
}

resource "aws_ecs_service" "backstage_auth" {
  count                              = var.backstage_auth == null ? 0 : 1
  name                               = "${var.name}-backstage-auth"
  cluster                            = var.cluster_arn
  task_definition                    = aws_ecs_task_definition.backstage_auth[0].arn
  launch_type                        = "FARGATE"
  desired_count                      = 2
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 60

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    assign_public_ip = false
    subnets          = var.private_subnet_ids
    security_groups  = [aws_security_group.backstage_auth[0].id]
  }

  load_balancer {
    container_name   = "backstage-auth"
    container_port   = 7007
    target_group_arn = aws_lb_target_group.backstage_auth[0].arn
  }

  depends_on = [aws_lb_listener_rule.backstage_auth]
}
