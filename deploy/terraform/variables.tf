variable "name" {
  description = "Prefix of names."
  type        = string
  default     = "edge"
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "public_subnet_ids" {
  description = "Subnets of the load balancer, in at least two zones."
  type        = list(string)
}

variable "private_subnet_ids" {
  description = "Subnets of the tasks, with a route to the key endpoint of the region, port 443."
  type        = list(string)
}

variable "certificate_arn" {
  description = "ARN of the certificate in ACM for the host."
  type        = string
}

variable "access_log_bucket" {
  description = "Bucket for access logs, in this region, with the policy that load balancers need."
  type        = string
}

variable "client_cidr" {
  description = "Addresses of browsers and other clients. 0.0.0.0/0 is the internet."
  type        = string
  default     = "0.0.0.0/0"
}

variable "host" {
  description = "The host that browsers use."
  type        = string
}

variable "issuer" {
  description = "Issuer at the provider, byte for byte. Entra ID has https://login.microsoftonline.com/<tenant>/v2.0."
  type        = string
}

variable "authorization_endpoint" {
  description = "Where browsers sign in."
  type        = string
}

variable "token_endpoint" {
  description = "Where the load balancer redeems codes."
  type        = string
}

variable "user_info_endpoint" {
  description = "Where the claims come from."
  type        = string
  default     = "https://graph.microsoft.com/oidc/userinfo"
}

variable "client_id" {
  description = "The client id at the provider."
  type        = string
}

variable "client_secret" {
  description = "The client secret. It is in the state: keep the state encrypted, and readable by few."
  type        = string
  sensitive   = true
}

variable "session_cookie_name" {
  description = "Name of the session's cookies. Applications that share a host need different names."
  type        = string
  default     = "AWSELBAuthSessionCookie"
}

variable "session_timeout" {
  description = "Seconds after which a user signs in again. A user whom the provider blocks stays signed in as long."
  type        = number
  default     = 36000
}

variable "email_domains" {
  description = "Domains whose users are signed in."
  type        = list(string)
}

variable "machine_issuer" {
  description = "Issuer of the bearer tokens of machines."
  type        = string
}

variable "machine_jwks_endpoint" {
  description = "Its public keys."
  type        = string
}

variable "machine_audience" {
  description = "The value of the claim aud in these tokens, such as api://<client id>."
  type        = string
}

variable "cluster_arn" {
  description = "An ECS cluster with Fargate."
  type        = string
}

variable "proxy_image" {
  description = "The image of alb-auth-proxy with deploy/kubernetes/proxy.yaml in /etc/alb-auth-proxy, by digest."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.proxy_image))
    error_message = "Name the image by digest: <repository>@sha256:<64 hexadecimal digits>."
  }
}

variable "application_image" {
  description = "The image of the application, by digest. It listens at 127.0.0.1:8080."
  type        = string

  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.application_image))
    error_message = "Name the image by digest: <repository>@sha256:<64 hexadecimal digits>."
  }
}

variable "backstage_auth" {
  description = "backstage-auth beside a stock auth backend. The client and its provider are those above. Null makes none of it."
  type = object({
    # The host of Backstage.
    host = string
    # The image of backstage-auth with the app-config files in /etc/backstage, by digest.
    image = string
    # Endpoint of the PostgreSQL instance or cluster with IAM authentication, the one of the stock auth backend; its resource id.
    database_host        = string
    database_resource_id = string
    # The database role, with the grant rds_iam.
    database_user              = optional(string, "backstage_auth")
    database_security_group_id = string
  })
  default = null

  validation {
    condition     = var.backstage_auth == null || can(regex("@sha256:[0-9a-f]{64}$", var.backstage_auth.image))
    error_message = "Name the image by digest: <repository>@sha256:<64 hexadecimal digits>."
  }

  validation {
    condition     = var.backstage_auth == null || can(regex("^(db|cluster)-[A-Z0-9]+$", var.backstage_auth.database_resource_id))
    error_message = "A resource id is db-... or cluster-..., as the console and describe-db-instances show it."
  }
}
