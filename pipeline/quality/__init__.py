"""Text to signals, signals to a verdict; cleaning; language. Pure functions, stranger to sources, rendering and engines."""
