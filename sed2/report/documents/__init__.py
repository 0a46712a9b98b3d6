"""Results as documents: JSON, CSV, JUnit, Markdown; and read back again."""
