"""Content: what people write (documents), say (messages) and remark (annotations)."""
