"""Averages, covariance, and the versions that leave NaN out."""
