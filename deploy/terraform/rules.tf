# Rules without an authenticate action have a tag WithoutSignIn with the reason. A test accepts no other.

# Health checks and metrics go to the targets directly. From outside the load balancer responds itself, whatever a
# target exempts from sign-in.
resource "aws_lb_listener_rule" "internal_paths" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 1

  condition {
    path_pattern {
      values = ["/healthz", "/metrics", "/.alb-auth-proxy/*", "/.backstage/health/*"]
    }
  }

  action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }
}

# With an authenticate action these would sign the user in again.
resource "aws_lb_listener_rule" "sign_out" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 110

  condition {
    host_header {
      values = [var.host]
    }
  }

  condition {
    path_pattern {
      values = ["/sign-out", "/signed-out"]
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.service.arn
  }

  tags = {
    WithoutSignIn = "a sign-out route and the page after it read no identity"
  }
}

# OAuth clients such as MCP clients read here where to get a token. A document without secrets.
resource "aws_lb_listener_rule" "resource_metadata" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 120

  condition {
    host_header {
      values = [var.host]
    }
  }

  condition {
    path_pattern {
      values = ["/.well-known/oauth-protected-resource"]
    }
  }

  condition {
    http_request_method {
      values = ["GET"]
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.service.arn
  }

  tags = {
    WithoutSignIn = "the protected resource metadata of RFC 9728 is public"
  }
}

# Machines, command line clients and MCP clients have a bearer token and no browser. The load balancer verifies it; the application
# verifies it again, because a request that reaches the target by another way has passed no rule.
resource "aws_lb_listener_rule" "machines" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 130

  condition {
    host_header {
      values = [var.host]
    }
  }

  condition {
    path_pattern {
      values = ["/machine/*", "/cli/*", "/mcp"]
    }
  }

  action {
    type = "jwt-validation"

    jwt_validation {
      issuer        = var.machine_issuer
      jwks_endpoint = var.machine_jwks_endpoint

      additional_claim {
        name   = "aud"
        format = "single-string"
        values = [var.machine_audience]
      }
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.service.arn
  }
}

# A script cannot follow a redirect to the provider: without a session it gets a 401.
resource "aws_lb_listener_rule" "api" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 140

  condition {
    host_header {
      values = [var.host]
    }
  }

  condition {
    path_pattern {
      values = ["/api/*"]
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
    target_group_arn = aws_lb_target_group.service.arn
  }
}

# Pages: without a session the browser goes to the provider.
resource "aws_lb_listener_rule" "pages" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 150

  condition {
    host_header {
      values = [var.host]
    }
  }

  condition {
    path_pattern {
      values = ["/*"]
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
      on_unauthenticated_request = "authenticate"
    }
  }

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.service.arn
  }
}
