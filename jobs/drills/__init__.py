"""Drills: builds under a seeded schedule of faults, and what must hold all the same. `jobs.drill` runs them."""
