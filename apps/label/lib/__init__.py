"""The parts of the app. Label puts the app's folder on the path, and expects its modules under this name."""
