//! What kind of object a key in the trail's bucket names.
