//! Under which names the provider answers.

use crate::provider::site::{Answer, Site};

#[tokio::test]
async fn it_answers_to_its_own_name_and_to_those_of_this_machine() {
    let site = Site::new().await;
    let port = site.provider.address().port();
    let ask = async |host: &str| {
        let request = site.browser().client.get(format!("http://{}/", site.provider.address())).header("host", host);
        Answer::of(request).await
    };
    for host in ["idp.localhost", "IDP.localhost", "localhost", "127.0.0.1", "[::1]"] {
        for host in [host.to_owned(), format!("{host}:{port}"), format!("{host}:1")] {
            assert_eq!(ask(&host).await.status.as_u16(), 200, "{host}");
        }
    }
    for host in ["evil.example", "idp.localhost.evil.example", "evil.localhost", "idp.localhost@evil.example", "", "?"]
    {
        let answer = ask(host).await;
        assert_eq!(answer.status.as_u16(), 421, "{host}");
        assert!(answer.body.contains(site.provider.issuer()) && !answer.body.contains("jane"), "{host}: {answer:?}");
    }
}
