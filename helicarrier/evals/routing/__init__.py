"""Provider routing: which provider answers, what became of it, and back to the default."""
