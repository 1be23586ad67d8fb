"""Source code that uses an ALBERT or BERT: parsed, never run."""
