//! The tour by itself: a client that keeps cookies goes where a browser would, and compares what it sees with what is
//! promised.

use std::{error::Error, net::SocketAddr};

use reqwest::{Client, Response};

use crate::start::Tour;

type Anything = Result<(), Box<dyn Error + Send + Sync>>;

/// A browser of its own.
struct Visitor<'t> {
    tour: &'t Tour,
    client: Client,
    sound: bool,
}

/// Goes the whole way. Whether everything was as promised.
pub async fn walk(tour: &Tour) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let mut visitor = Visitor { tour, client: client()?, sound: true };
    visitor.jane().await?;
    visitor.admin_in_the_same_browser().await?;
    visitor.guest_who_is_not_let_in().await?;
    visitor.somebody_without_an_address().await?;
    visitor.nobody().await?;
    Ok(visitor.sound)
}

impl Visitor<'_> {
    async fn jane(&mut self) -> Anything {
        let asked = self.open("").await?;
        self.expect("nobody is signed in, so the provider asks", &asked, 200, &["Who signs in?", "Jane Doe"]);
        let profile = self.choose(asked, "jane").await?;
        let who = ["Hello, <bdi>Jane Doe</bdi>", "user:default/jane.doe", "jane.doe@example.com", "given_name"];
        self.expect("Jane is greeted, and sees her claims", &profile, 200, &who);
        let admin = self.open("admin").await?;
        self.expect("the admin page is not for Jane", &admin, 403, &["This page is not for you"]);
        let me = self.open("api/me").await?;
        self.expect("a program reads who she is", &me, 200, &[r#""user":"user:default/jane.doe""#]);
        self.sign_out("Jane signs out").await?;
        let asked = self.open("").await?;
        self.expect("after that the provider asks again", &asked, 200, &["Who signs in?"]);
        Ok(())
    }

    async fn admin_in_the_same_browser(&mut self) -> Anything {
        let asked = self.open("").await?;
        let profile = self.choose(asked, "admin").await?;
        let who = ["Hello, <bdi>Ada Admin</bdi>", "user:default/ada.admin", "group:default/platform-admins"];
        self.expect("Ada is greeted in the same browser", &profile, 200, &who);
        let admin = self.open("admin").await?;
        self.expect("the admin page is for Ada", &admin, 200, &["You may administrate"]);
        self.sign_out("Ada signs out").await
    }

    async fn guest_who_is_not_let_in(&mut self) -> Anything {
        let asked = self.open("").await?;
        let refused = self.choose(asked, "guest").await?;
        self.expect("a guest of another domain is not let in", &refused, 403, &["You cannot come in", "/sign-out"]);
        self.sign_out("the guest signs out all the same").await
    }

    async fn somebody_without_an_address(&mut self) -> Anything {
        let asked = self.open("").await?;
        let profile = self.choose(asked, "nomail").await?;
        self.expect("who has no address is named by subject", &profile, 200, &["Nia North", "user:by-subject/h_"]);
        self.sign_out("and signs out").await
    }

    async fn nobody(&mut self) -> Anything {
        let me = self.open("api/me").await?;
        self.expect("a program without a session is told so", &me, 401, &[]);
        let asked = self.open("").await?;
        let form = [("ticket", ticket(&asked.body)?), ("cancel", "1")];
        let back = self.post(&format!("{}/login", self.tour.provider()), &form).await?;
        self.expect("whoever cancels comes back without a session", &back, 561, &[]);
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

    /// Presses the button of the application.
    async fn sign_out(&mut self, what: &str) -> Anything {
        let goodbye = self.post(&format!("{}sign-out", self.tour.url()), &[]).await?;
        self.expect(what, &goodbye, 200, &["You are signed out", "Sign in again"]);
        Ok(())
    }

    fn expect(&mut self, what: &str, seen: &Seen, status: u16, says: &[&str]) {
        let missing: Vec<&&str> = says.iter().filter(|part| !seen.body.contains(**part)).collect();
        if seen.status == status && missing.is_empty() {
            println!("ok     {what}\n       {status} {}", seen.address);
        } else {
            self.sound = false;
            println!("WRONG  {what}\n       {} {}\n       promised: {status}", seen.status, seen.address);
            missing.iter().for_each(|part| println!("       not in it: {part}"));
        }
    }
}

/// What a visitor sees in the end, when all redirects are followed.
struct Seen {
    status: u16,
    address: String,
    body: String,
}

impl Seen {
    async fn of(response: Response) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut address = response.url().clone();
        // Codes and states are nobody's business.
        address.set_query(None);
        Ok(Self { status: response.status().as_u16(), address: address.to_string(), body: response.text().await? })
    }
}

/// Keeps cookies by host name, as browsers do, and takes names under `localhost` for this machine, as they do too.
fn client() -> reqwest::Result<Client> {
    let this_machine = SocketAddr::from(([127, 0, 0, 1], 0));
    Client::builder()
        .cookie_store(true)
        .no_proxy()
        .resolve("app.localhost", this_machine)
        .resolve("idp.localhost", this_machine)
        .build()
}

/// What the login page's form carries.
fn ticket(page: &str) -> Result<&str, &'static str> {
    let (_, rest) = page.split_once("name=\"ticket\" value=\"").ok_or("this is no login page")?;
    rest.split_once('"').map(|(ticket, _)| ticket).ok_or("the form has no end")
}
