"""From what happened to what is remembered, and back into a prompt."""
