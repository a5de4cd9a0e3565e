"""Whether training goes well, and what follows where it does not."""
