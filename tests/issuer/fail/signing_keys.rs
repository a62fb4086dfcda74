//! What holds private keys can neither be shown nor cloned nor written.

use tower_alb_auth::backstage::SigningKeys;

fn shown(keys: &SigningKeys) {
    let _ = format!("{keys:?}");
}

fn cloned<T: Clone>(_: &T) {}

fn written<T: serde::Serialize>(_: &T) {}

fn main() {
    let keys = SigningKeys::from_folder("keys").unwrap();
    shown(&keys);
    cloned::<SigningKeys>(&keys);
    written::<SigningKeys>(&keys);
}
