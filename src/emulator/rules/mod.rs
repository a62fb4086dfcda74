//! The rules of a listener: which one applies to a request, and what its actions do.
//!
//! Rules come from two places, in this order: those by path of the configuration
//! ([`Rule`](super::Rule)), then those of files, by priority. A file is what `aws elbv2
//! describe-rules` or `describe-listeners` prints, or a CloudFormation template.
//!
//! | situation | what happens |
//! |---|---|
//! | all conditions of a rule match | its actions; later rules are not looked at |
//! | no rule matches | the default action of the listener in the files, or `on_unauthenticated` if they have none |
//! | a rule with `jwt-validation`, and a request without a valid bearer token | 401 |
//! | a rule without an authenticate action | the request is forwarded without any `x-amzn-oidc-*` header |
//! | a key, condition or action that is not emulated | the emulator does not start; leaving it out would send requests to another rule |
//! | a property of the listener or its load balancer that is not emulated | the emulator does not start if it changes who gets in or what reaches the target; else it is listed |
//! | a value that is known only after a deployment | the emulator does not start, if the value decides about requests |
//! | values of the provider and its client | not used: the emulator has its own provider |

mod actions;
mod authenticate;
mod compile;
mod condition;
mod document;
mod jwt_validation;
mod listener;
mod pattern;
mod properties;
mod read;
mod reader;
mod redirect;
mod table;
mod template;
mod yaml;

pub(super) use self::{
    actions::{Actions, End, FixedResponse},
    authenticate::{Authenticate, problem_of_parameter, problem_of_scope},
    compile::Files,
    condition::Facts,
    jwt_validation::{JwtValidation, TokenIssuer},
    redirect::{Redirect, RequestParts},
    table::Table,
};
