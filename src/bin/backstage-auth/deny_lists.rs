//! The deny lists that the arguments name.

use tower_alb_auth::{backstage::service::AuthBackend, deny_list::DenyList};

use crate::{cli::Serve, start_lines::StartLines};

/// Attaches the deny lists, before the first request. A list that cannot be read ends the start.
pub async fn attach(arguments: &Serve, backend: &AuthBackend, lines: &mut StartLines) -> Result<(), String> {
    if let Some(path) = &arguments.deny_list {
        drop(backend.layer().clone().deny_list(&DenyList::from_file(path).map_err(|error| error.to_string())?));
        lines.add("Shut out", format!("the users in {}", path.display()));
    }
    if arguments.deny_list_in_database {
        let in_database =
            backend.deny_list_in_database().await.map_err(|error| format!("--deny-list-in-database: {error}"))?;
        drop(backend.layer().clone().deny_list(in_database.list()));
        lines.add("Shut out", "the users in the table tower_alb_auth_denied");
    }
    Ok(())
}
