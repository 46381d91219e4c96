"""Whether a green run can be trusted: mutation, fault injection, coverage."""
