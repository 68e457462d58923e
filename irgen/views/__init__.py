"""Architecture to Scene: what a figure shows and where it stands."""
