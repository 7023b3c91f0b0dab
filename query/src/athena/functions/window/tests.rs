//! Frames against computing each anew.
