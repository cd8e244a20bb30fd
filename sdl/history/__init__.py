"""Past experiments as chemists keep them: sheets with every cell's address, and the literature that ships with us."""
