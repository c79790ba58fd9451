//! The validating webhook: what one object and the catalogue prove to be wrong is refused, everything else is a warning.
//!
//! Never: a side effect but the name of who deletes, or a finalizer that cannot go. The controller validates again.
//!
//! ```text
//! body → request → proposed → review → answer        proof: which codes one object can prove
//! source → certificate → server                      own: the Secret and the registration
//! request → deletion                                 who deletes what access rests on
//! door                                               who is answered at all
//! ```

pub mod answer;
pub mod certificate;
pub mod deletion;
pub mod door;
pub mod own;
pub mod proof;
pub mod proposed;
pub mod request;
pub mod review;
pub mod server;
pub mod source;
pub mod validity;
pub mod warnings;
