def sweep(tool, tallies, folder, options):
    """Nothing yet."""
