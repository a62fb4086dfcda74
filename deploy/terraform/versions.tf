terraform {
  required_version = ">= 1.6"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The first with jwt-validation in listener rules.
      version = ">= 6.22"
    }
  }
}
