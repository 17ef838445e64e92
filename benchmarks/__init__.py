"""What is measured, against what: one program per subject, runnable alone."""
