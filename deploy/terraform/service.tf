# The application with alb-auth-proxy beside it.

resource "aws_security_group" "service" {
  name        = "${var.name}-service"
  description = "The sidecar. Admits the load balancer and nothing else."
  vpc_id      = var.vpc_id
}

# The only way in: no rule of this group names an address range.
resource "aws_vpc_security_group_ingress_rule" "service_from_edge" {
  security_group_id            = aws_security_group.service.id
  description                  = "The load balancer"
  referenced_security_group_id = aws_security_group.edge.id
  ip_protocol                  = "tcp"
  from_port                    = 3000
  to_port                      = 3000
}

resource "aws_vpc_security_group_egress_rule" "service_to_https" {
  security_group_id = aws_security_group.service.id
  description       = "Public keys of the load balancer, images, secrets, logs"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_lb_target_group" "service" {
  # checkov:skip=CKV_AWS_378:TLS between load balancer and task needs a certificate in the task; SECURITY.md names what plain HTTP there means.
  name                 = "${var.name}-service"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = 3000
  deregistration_delay = 30

  health_check {
    protocol            = "HTTP"
    path                = "/.alb-auth-proxy/ready"
    matcher             = "200"
    interval            = 10
    timeout             = 5
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_cloudwatch_log_group" "service" {
  # checkov:skip=CKV_AWS_158:The log has no token, email or claim; CloudWatch encrypts it with its own key.
  name              = "/${var.name}/service"
  retention_in_days = 400
}

data "aws_region" "current" {}
data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

# Used by ECS to start the task, not by the containers.
resource "aws_iam_role" "execution" {
  name_prefix        = "${var.name}-execution-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

# What the containers may do: nothing. Verification needs no permission of AWS.
resource "aws_iam_role" "task" {
  name_prefix        = "${var.name}-task-"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

locals {
  log_configuration = {
    logDriver = "awslogs"
    options = {
      awslogs-group         = aws_cloudwatch_log_group.service.name
      awslogs-region        = data.aws_region.current.region
      awslogs-stream-prefix = "service"
    }
  }
}

resource "aws_ecs_task_definition" "service" {
  # checkov:skip=CKV_AWS_336:Both containers have readonlyRootFilesystem; the check does not read jsonencode.
  family                   = "${var.name}-service"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  container_definitions = jsonencode([
    {
      name                   = "alb-auth-proxy"
      image                  = var.proxy_image
      essential              = true
      user                   = "65532:65532"
      readonlyRootFilesystem = true
      linuxParameters        = { initProcessEnabled = false, capabilities = { drop = ["ALL"] } }
      portMappings           = [{ containerPort = 3000, protocol = "tcp" }]
      stopTimeout            = 60
      logConfiguration       = local.log_configuration
      environment = [
        # The signer: the ARN of the load balancer itself.
        { name = "ALB_AUTH_SIGNERS", value = aws_lb.edge.arn },
        { name = "ALB_AUTH_ISSUER", value = var.issuer },
        { name = "ALB_AUTH_CLIENT_IDS", value = var.client_id },
        { name = "ALB_AUTH_EMAIL_DOMAINS", value = join(",", var.email_domains) },
        # The settings of deploy/kubernetes/proxy.yaml, which the image has.
        { name = "ALB_PROXY_CONFIG", value = "/etc/alb-auth-proxy/proxy.yaml" },
        { name = "ALB_PROXY_SHUTDOWN_DELAY_SECONDS", value = "15" },
      ]
    },
    {
      # Containers of a task share their loopback interface: the application listens there and nowhere else.
      name                   = "application"
      image                  = var.application_image
      essential              = true
      readonlyRootFilesystem = true
      linuxParameters        = { initProcessEnabled = false, capabilities = { drop = ["ALL"] } }
      logConfiguration       = local.log_configuration
      environment = [
        { name = "HOST", value = "127.0.0.1" },
        { name = "PORT", value = "8080" },
      ]
    },
  ])
}

resource "aws_ecs_service" "service" {
  name                               = "${var.name}-service"
  cluster                            = var.cluster_arn
  task_definition                    = aws_ecs_task_definition.service.arn
  launch_type                        = "FARGATE"
  desired_count                      = 2
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 30

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    assign_public_ip = false
    subnets          = var.private_subnet_ids
    security_groups  = [aws_security_group.service.id]
  }

  load_balancer {
    container_name   = "alb-auth-proxy"
    container_port   = 3000
    target_group_arn = aws_lb_target_group.service.arn
  }

  depends_on = [aws_lb_listener_rule.pages, aws_lb_listener_rule.api]
}
