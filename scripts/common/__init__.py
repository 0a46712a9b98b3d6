"""What the rooms of scripts/ share."""
