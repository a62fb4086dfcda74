//! The login page.

use super::Page;
use crate::emulator::provider::{DemoUser, html::Html, users::UserList};

/// Colour classes of the circles behind the initials.
const TONES: [&str; 6] = ["tone-0", "tone-1", "tone-2", "tone-3", "tone-4", "tone-5"];

const LOGIN: &str = r#"<h1 id="title">Who signs in?</h1>
<p class="lead">To go on to <strong><bdi>{}</bdi></strong>, choose a user. There are no passwords.</p>
{}<form method="post" action="/login" aria-labelledby="title">
<input type="hidden" name="ticket" value="{}">
<ul class="users">
{}</ul>
<div class="actions"><button type="submit" name="cancel" value="1">Cancel</button></div>
</form>"#;

const USER: &str = r#"<li><button type="submit" class="user" name="user" value="{}"{}>
<span class="avatar {}" aria-hidden="true">{}</span>
<span class="who"><span class="name"><bdi>{}</bdi></span> <span class="detail"><bdi>{}</bdi></span> {}</span>
</button></li>
"#;

/// The login page. The form carries the ticket, and may redirect to the origin of the redirect URI.
pub(in super::super) fn login(users: &UserList, origin: &str, ticket: &str, hint: Option<&str>) -> Page {
    let problem = users.problem().map(|problem| {
        Html::fill(
            "<p class=\"notice\" role=\"alert\">The previous users are still in use, because {}.</p>\n",
            &[&problem],
        )
    });
    let is_meant = |user: &DemoUser| hint.is_some_and(|hint| user.is_meant_by(hint));
    let meant = users.users().iter().position(is_meant);
    let buttons: Html = users
        .users()
        .iter()
        .zip(TONES.iter().cycle())
        .enumerate()
        .map(|(index, (user, tone))| button(user, tone, meant == Some(index)))
        .collect();
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    Page::new("Sign in", LOGIN, &[&host, &problem.unwrap_or_default(), &ticket, &buttons]).with_form(origin)
}

fn button(user: &DemoUser, tone: &&'static str, has_focus: bool) -> Html {
    let focus = if has_focus { Html::fill(" autofocus", &[]) } else { Html::default() };
    let note = user.note_text().map(|note| Html::fill("<span class=\"note\"><bdi>{}</bdi></span>", &[&note]));
    let name = user.display_name();
    Html::fill(
        USER,
        &[
            &user.id(),
            &focus,
            tone,
            &initials(name),
            &name,
            &user.email().unwrap_or("no email"),
            &note.unwrap_or_default(),
        ],
    )
}

/// The first letters of the first and the last word.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    first.into_iter().chain(words.next_back()).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        for (name, shown) in [
            ("Jane Doe", "JD"),
            ("Juan de la Cruz", "JC"),
            ("jane", "J"),
            ("<b> \"x\"", "BX"),
            ("élise ö", "ÉÖ"),
            ("...", ""),
            ("", ""),
        ] {
            assert_eq!(initials(name), shown, "{name}");
        }
    }
}
