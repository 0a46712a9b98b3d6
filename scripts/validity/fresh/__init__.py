"""Fresh architectures: decisions on the defaults by a rule that was fixed before any loss."""
