"""Classifies whole images with a small convolutional network."""
