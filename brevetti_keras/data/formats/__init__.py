"""Datasets of other tools, read and written: COCO, YOLO, Pascal VOC, MVTec AD, and our own CSV of samples.

Each format is a module that reads a folder into a `Collection` and writes one; what a format cannot hold lies in a file
beside it (`kept_aside`), so that nothing is lost on the way there and back.
"""
