"""Files, real and made, to the Parquet that training reads."""
