//! The guides: the pages of the repository's folder `docs`, and SECURITY.md.
//!
//! They are part of the documentation alone. Their Rust code is compiled and run with the tests.

/// `links.md` comes first: of two definitions of a link the first one counts, so links lead to these pages here, and to the files
/// in the repository.
macro_rules! pages {
    ($($(#[$attribute:meta])* $name:ident: $file:literal;)*) => {$(
        $(#[$attribute])*
        #[doc = include_str!("links.md")]
        #[doc = ""]
        #[doc = include_str!($file)]
        pub mod $name {}
    )*};
}

pages! {
    assurance: "../../docs/ASSURANCE.md";
    benchmarks: "../../docs/BENCHMARKS.md";
    between: "../../docs/BETWEEN.md";
    compare: "../../docs/COMPARE.md";
    #[cfg(any(
        not(doctest),
        all(feature = "axum", feature = "test-util", feature = "https", feature = "app-config", feature = "metrics")
    ))]
    configuration: "../../docs/CONFIGURATION.md";
    deploying: "../../docs/DEPLOYING.md";
    design: "../../docs/DESIGN.md";
    #[cfg(any(not(doctest), all(feature = "emulator", feature = "test-util")))]
    emulator: "../../docs/EMULATOR.md";
    #[cfg(any(not(doctest), all(feature = "axum", feature = "backstage", feature = "postgres", feature = "test-util")))]
    guide: "../../docs/GUIDE.md";
    migrating: "../../docs/MIGRATING.md";
    #[cfg(any(
        not(doctest),
        all(feature = "axum", feature = "test-util", feature = "https", feature = "app-config", feature = "metrics")
    ))]
    operating: "../../docs/OPERATING.md";
    providers: "../../docs/PROVIDERS.md";
    proxy: "../../docs/PROXY.md";
    releasing: "../../docs/RELEASING.md";
    security: "../../SECURITY.md";
    #[cfg(any(
        not(doctest),
        all(feature = "axum", feature = "test-util", feature = "https", feature = "app-config", feature = "metrics")
    ))]
    services: "../../docs/SERVICES.md";
    #[cfg(any(
        not(doctest),
        all(feature = "axum", feature = "test-util", feature = "https", feature = "app-config", feature = "metrics")
    ))]
    testing: "../../docs/TESTING.md";
    threats: "../../docs/THREATS.md";
    versioning: "../../docs/VERSIONING.md";
}
