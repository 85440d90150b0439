"""Files that leave the app: asked for, made in the background as far as the person may then see, handed out once."""
