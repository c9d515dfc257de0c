"""From a corpus to a published build: plan, recipe, commit, publish, verify. Everything it knows it reads from the bucket."""
