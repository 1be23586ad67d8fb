"""Public data sets as their files are: GLUE, SQuAD, RACE, SWAG, CoNLL and WikiANN."""
