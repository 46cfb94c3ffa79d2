"""What people read: tables, the progress line and TensorBoard."""
