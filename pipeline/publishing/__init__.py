"""From finished builds to a published version: documents judged, assembled, freed of duplicates, written, and checked."""
