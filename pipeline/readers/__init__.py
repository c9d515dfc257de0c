"""How training reads a published table: one global order, shared out to any number of ranks, resumed at any sample."""
