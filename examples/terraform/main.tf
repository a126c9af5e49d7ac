# redtrail as a Terraform module: uploads what `make package` made and keeps a CloudFormation stack
# of it. All that redtrail is stands in the template; this only hands it parameters.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

locals {
  dist          = coalesce(var.dist, "${path.module}/../../dist")
  ingest_zip    = "${local.dist}/redtrail-ingest-x86_64.zip"
  reconcile_zip = "${local.dist}/redtrail-reconcile-x86_64.zip"
  template      = "${local.dist}/redtrail.template.json"
  # A changed file has another key: Lambda and CloudFormation notice.
  ingest_key    = "redtrail/${filesha256(local.ingest_zip)}.zip"
  reconcile_key = "redtrail/${filesha256(local.reconcile_zip)}.zip"
  template_key  = "redtrail/${filesha256(local.template)}.template.json"
}

resource "aws_s3_object" "ingest" {
  bucket = var.artifact_bucket
  key    = local.ingest_key
  source = local.ingest_zip
}

resource "aws_s3_object" "reconcile" {
  bucket = var.artifact_bucket
  key    = local.reconcile_key
  source = local.reconcile_zip
}

resource "aws_s3_object" "template" {
  bucket = var.artifact_bucket
  key    = local.template_key
  source = local.template
}

data "aws_s3_bucket" "artifacts" {
  bucket = var.artifact_bucket
}

resource "aws_cloudformation_stack" "redtrail" {
  name         = var.stack_name
  template_url = "https://${data.aws_s3_bucket.artifacts.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  capabilities = ["CAPABILITY_IAM"]
  tags         = var.tags

  parameters = merge(var.parameters, {
    CodeBucket       = var.artifact_bucket
    CodeKey          = aws_s3_object.ingest.key
    ReconcileCodeKey = aws_s3_object.reconcile.key
  })

  # The tables outlive the stack (DeletionPolicy: Retain); so must the way to them.
  lifecycle {
    prevent_destroy = true
  }
}
