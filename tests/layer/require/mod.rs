//! Parts of an application that demand a user, an ownership or a claim, inside the layer.

mod address;
mod blank;
mod demands;
mod email;
mod frameworks;
mod issuers;
mod mistakes;
mod panics;
mod readiness;
mod uniform;
