package billing

// AuditIn is Audit in a transaction of the test's own.
var AuditIn = audit
