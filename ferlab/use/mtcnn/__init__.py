"""MTCNN finds faces: three small networks, each of which looks closer at what the last one left."""
