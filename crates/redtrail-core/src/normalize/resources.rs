//! Which resources an event touched, and their part in it.
