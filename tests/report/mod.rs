//! Reports of incidents: what is shown, what is hidden, history from elsewhere.

mod outside;
mod pages;
mod redaction;
