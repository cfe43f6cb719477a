"""Draws from distributions whose parameters are Values, by reparameterisation."""
