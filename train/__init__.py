"""Training, calibration and export; imports safepickle_dl, never the other way round."""
