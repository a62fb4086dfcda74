//! Ready header names for services that read a user from a header.

/// A service, its headers as templates, and the settings that the service needs.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) name: &'static str,
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// For `check`.
    pub(super) service_setting: &'static str,
}

const FORWARDED_USER: &[(&str, &str)] = &[("X-Forwarded-User", "{email}"), ("X-Forwarded-Email", "{email}")];

pub(super) const PROFILES: [Profile; 10] = [
    Profile {
        name: "grafana",
        headers: &[("X-WEBAUTH-USER", "{email}"), ("X-WEBAUTH-EMAIL", "{email}")],
        service_setting: "[auth.proxy] enabled = true, header_name = X-WEBAUTH-USER, header_property = email, \
                          headers = Email:X-WEBAUTH-EMAIL, whitelist = the address of this proxy",
    },
    Profile {
        name: "kafka-ui",
        headers: FORWARDED_USER,
        service_setting: "auth.type: DISABLED; it reads no user from headers, so all users have the same rights in it",
    },
    Profile {
        name: "akhq",
        headers: &[("X-AKHQ-USER", "{email}")],
        service_setting: "akhq.security.header-auth.user-header: X-AKHQ-USER",
    },
    Profile {
        name: "airflow",
        headers: FORWARDED_USER,
        service_setting: "AUTH_TYPE = AUTH_REMOTE_USER and AUTH_REMOTE_USER_ENV_VAR = \"HTTP_X_FORWARDED_USER\" in \
                          webserver_config.py",
    },
    Profile {
        name: "jupyterhub",
        headers: &[("Remote-User", "{entity.name}")],
        service_setting: "RemoteUserAuthenticator.header_name = \"Remote-User\"",
    },
    Profile {
        name: "mlflow",
        headers: FORWARDED_USER,
        service_setting: "authorization_function of the application basic-auth has to read X-Forwarded-User",
    },
    Profile {
        name: "superset",
        headers: FORWARDED_USER,
        service_setting: "AUTH_TYPE = AUTH_REMOTE_USER and AUTH_REMOTE_USER_ENV_VAR = \"HTTP_X_FORWARDED_USER\" in \
                          superset_config.py",
    },
    Profile {
        name: "django",
        headers: FORWARDED_USER,
        service_setting: "a RemoteUserMiddleware with header = \"HTTP_X_FORWARDED_USER\", and RemoteUserBackend",
    },
    Profile {
        name: "flask",
        headers: FORWARDED_USER,
        service_setting: "request.headers[\"X-Forwarded-User\"]; request.remote_user needs the middleware in docs/PROXY.md",
    },
    Profile { name: "streamlit", headers: FORWARDED_USER, service_setting: "st.context.headers[\"X-Forwarded-User\"]" },
];

pub(super) fn find(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|profile| profile.name == name)
}
