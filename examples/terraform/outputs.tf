output "outputs" {
  description = "Every output of the stack: names and ARNs, and the statements for the owners of bucket, key and topic."
  value       = aws_cloudformation_stack.redtrail.outputs
}

output "principals_table" {
  description = "Name of the table by principal."
  value       = aws_cloudformation_stack.redtrail.outputs["PrincipalsTableName"]
}

output "resources_table" {
  description = "Name of the table by resource."
  value       = aws_cloudformation_stack.redtrail.outputs["ResourcesTableName"]
}
