"""What Clement tells about itself: named log events and metrics."""
