"""What every command needs of files and processes."""
