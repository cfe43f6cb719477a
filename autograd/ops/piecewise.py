"""Elementwise functions with kinks, jumps or parts: fmod, nan_to_num, heaviside, copysign, sinc …"""
