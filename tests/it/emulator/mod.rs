//! The emulator of Microsoft Graph GDAP: the real program over TLS, against Microsoft's metadata and Microsoft's clients.
//!
//! Never: a type of the emulator; what is tested is what goes over the line.

mod faults;
mod login;
mod metadata;
mod paths;
mod people;
pub mod served;
mod strangers;
