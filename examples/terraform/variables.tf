variable "artifact_bucket" {
  description = "A bucket, of the stack's Region, for the functions' zips and the template."
  type        = string
}

variable "parameters" {
  description = "Parameters of the stack, at least TrailBucketName: docs/deployment.md lists them."
  type        = map(string)
}

variable "stack_name" {
  description = "Name of the CloudFormation stack; SSM parameters are below /redtrail/NAME."
  type        = string
  default     = "redtrail"
}

variable "tags" {
  description = "Tags of the stack, which CloudFormation gives to all that it makes."
  type        = map(string)
  default     = {}
}

variable "dist" {
  description = "The folder that `make package` made; by default that of the checkout this module lies in."
  type        = string
  default     = null
}
