"""Operations of the integer graph, one subject per file."""
