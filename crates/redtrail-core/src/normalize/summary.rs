//! What of the request and response an item keeps.
