"""Measurement: every number that README and model card state is written from here."""
