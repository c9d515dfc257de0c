"""What happened to a document, a page or a shard, told from what a dataset has stored. `explain.explain` is the door."""
