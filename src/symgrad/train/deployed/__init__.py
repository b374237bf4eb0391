"""What an exported model runs on: these files are copied into its folder as they are. They import the standard library
and NumPy only."""
