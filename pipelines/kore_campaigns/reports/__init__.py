"""What commands read from the database for people, monitors and other programs."""
