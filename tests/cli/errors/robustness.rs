//! Whatever bytes a base image consists of, `builder` ends, soon, and with an error or an image.
