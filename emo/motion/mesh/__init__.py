"""Faces as meshes of FaceMesh's landmarks."""
