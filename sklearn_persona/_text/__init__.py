"""What people read: numbers, names, evidence, cards and the frame of figures."""
