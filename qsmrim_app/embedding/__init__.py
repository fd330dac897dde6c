"""qsmrim inside other nipype workflows."""

from qsmrim_app.embedding.detect_rim_lesions import DetectRimLesions

__all__ = ["DetectRimLesions"]
