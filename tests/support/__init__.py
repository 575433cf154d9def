"""What the black-box tests stand on: programs, clients, pictures, and waiting."""
