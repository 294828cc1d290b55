"""MONAI Deploy application: a DICOM series in, a DICOM segmentation out, with any bundle of the collection."""
