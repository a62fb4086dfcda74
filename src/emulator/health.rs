//! The path of the health check of a container.

/// A path that no rule sees and no target gets. Its response is 200 and says nothing else.
pub(super) const PATH: &str = "/.alb-emulator/health";
