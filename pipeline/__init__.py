"""What the stages stand on; knows no model by name. Imports nothing of models/ or stages/."""
