//! Parts of an application that demand a user, an ownership or a claim, inside the layer.

mod demands;
mod frameworks;
mod mistakes;
mod panics;
mod readiness;
mod uniform;
