"""From the files that people have to pixels: finding, decoding, fitting."""
