//! The unattended tour: a client that keeps cookies makes the requests of a browser, and compares each page with the expected
//! one.

use std::{error::Error, net::SocketAddr};

use reqwest::{Client, Response};

use crate::start::Tour;

type Step = Result<(), Box<dyn Error + Send + Sync>>;

/// A client with its own cookies.
struct Visitor<'t> {
    tour: &'t Tour,
    client: Client,
    steps: usize,
    failed: usize,
}

/// Runs all steps, prints each result and a summary. Returns whether all succeeded.
pub async fn walk(tour: &Tour) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let mut visitor = Visitor { tour, client: client()?, steps: 0, failed: 0 };
    visitor.jane().await?;
    visitor.admin_in_the_same_browser().await?;
    visitor.guest_of_another_domain().await?;
    visitor.user_without_an_email().await?;
    visitor.without_a_session().await?;
    match visitor.failed {
        0 => println!("All {} steps succeeded.", visitor.steps),
        failed => println!("{failed} of {} steps failed.", visitor.steps),
    }
    Ok(visitor.failed == 0)
}

impl Visitor<'_> {
    async fn jane(&mut self) -> Step {
        let login = self.open("").await?;
        self.expect(
            "without a session, the provider's login page is shown",
            &login,
            200,
            &["Who signs in?", "Jane Doe"],
        );
        let profile = self.choose(login, "jane").await?;
        let who = ["Hello, <bdi>Jane Doe</bdi>", "user:default/jane.doe", "jane.doe@example.com", "given_name"];
        self.expect("Jane is signed in and sees her claims", &profile, 200, &who);
        let admin = self.open("admin").await?;
        self.expect("Jane may not open the admin page", &admin, 403, &["This page is not for you"]);
        let me = self.open("api/me").await?;
        self.expect("the API returns Jane's identity as JSON", &me, 200, &[r#""user":"user:default/jane.doe""#]);
        self.sign_out("Jane signs out").await?;
        let login = self.open("").await?;
        self.expect("after sign-out the login page is shown again", &login, 200, &["Who signs in?"]);
        Ok(())
    }

    async fn admin_in_the_same_browser(&mut self) -> Step {
        let login = self.open("").await?;
        let profile = self.choose(login, "admin").await?;
        let who = ["Hello, <bdi>Ada Admin</bdi>", "user:default/ada.admin", "group:default/platform-admins"];
        self.expect("Ada signs in with the same browser", &profile, 200, &who);
        let admin = self.open("admin").await?;
        self.expect("Ada may open the admin page", &admin, 200, &["You may administrate"]);
        self.sign_out("Ada signs out").await
    }

    async fn guest_of_another_domain(&mut self) -> Step {
        let login = self.open("").await?;
        let refused = self.choose(login, "guest").await?;
        self.expect("a guest of another domain is rejected", &refused, 403, &["You have no access", "/sign-out"]);
        self.sign_out("the rejected guest can sign out").await
    }

    async fn user_without_an_email(&mut self) -> Step {
        let login = self.open("").await?;
        let profile = self.choose(login, "nomail").await?;
        self.expect(
            "a user without an email is named by the subject",
            &profile,
            200,
            &["Nia North", "user:by-subject/h_"],
        );
        self.sign_out("that user signs out").await
    }

    async fn without_a_session(&mut self) -> Step {
        let me = self.open("api/me").await?;
        self.expect("the API responds with 401 without a session", &me, 401, &[]);
        let login = self.open("").await?;
        let form = [("ticket", ticket(&login.body)?), ("cancel", "1")];
        let back = self.post(&format!("{}/login", self.tour.provider()), &form).await?;
        self.expect("a cancelled sign-in creates no session", &back, 561, &[]);
        Ok(())
    }

    async fn open(&self, path: &str) -> Result<Seen, Box<dyn Error + Send + Sync>> {
        Seen::of(self.client.get(format!("{}{path}", self.tour.url())).send().await?).await
    }

    async fn post(&self, url: &str, form: &[(&str, &str)]) -> Result<Seen, Box<dyn Error + Send + Sync>> {
        Seen::of(self.client.post(url).form(form).send().await?).await
    }

    /// Presses a user's button on the login page.
    async fn choose(&self, page: Seen, user: &str) -> Result<Seen, Box<dyn Error + Send + Sync>> {
        self.post(&format!("{}/login", self.tour.provider()), &[("ticket", ticket(&page.body)?), ("user", user)]).await
    }

    /// Presses the application's sign-out button.
    async fn sign_out(&mut self, what: &str) -> Step {
        let goodbye = self.post(&format!("{}sign-out", self.tour.url()), &[]).await?;
        self.expect(what, &goodbye, 200, &["You are signed out", "Sign in again"]);
        Ok(())
    }

    fn expect(&mut self, what: &str, seen: &Seen, status: u16, says: &[&str]) {
        self.steps += 1;
        let missing: Vec<&&str> = says.iter().filter(|part| !seen.body.contains(**part)).collect();
        if seen.status == status && missing.is_empty() {
            println!("ok     {what}\n       {status} {}", seen.address);
        } else {
            self.failed += 1;
            println!("FAILED {what}\n       {} {}\n       expected: {status}", seen.status, seen.address);
            missing.iter().for_each(|part| println!("       expected in the page: {part}"));
        }
    }
}

/// The response after all redirects.
struct Seen {
    status: u16,
    address: String,
    body: String,
}

impl Seen {
    async fn of(response: Response) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut address = response.url().clone();
        // Without the query: it contains codes and states.
        address.set_query(None);
        Ok(Self { status: response.status().as_u16(), address: address.to_string(), body: response.text().await? })
    }
}

/// Keeps cookies by host name and resolves names under `localhost` to loopback, as browsers do.
fn client() -> reqwest::Result<Client> {
    let this_machine = SocketAddr::from(([127, 0, 0, 1], 0));
    Client::builder()
        .cookie_store(true)
        .no_proxy()
        .resolve("app.localhost", this_machine)
        .resolve("idp.localhost", this_machine)
        .build()
}

/// The hidden field of the login page's form.
fn ticket(page: &str) -> Result<&str, &'static str> {
    let (_, rest) = page
        .split_once("name=\"ticket\" value=\"")
        .ok_or("expected the login page of the demo provider, found another page")?;
    rest.split_once('"').map(|(ticket, _)| ticket).ok_or("the hidden field of the login page is not closed")
}
