// What a team would write: a verifier for auth_request in nginx itself, with njs. `settings` is preloaded by the configuration.
// njs runs this file for each request, so that it reads no file, and an imported key does not outlive a request.
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

async function user(token) {
  const parts = token.split('.');
  if (parts.length !== 3) return null;
  const header = JSON.parse(Buffer.from(parts[0], 'base64url'));
  const claims = JSON.parse(Buffer.from(parts[1], 'base64url'));
  if (header.alg !== 'ES256' || header.signer !== settings.signer || header.client !== settings.client) return null;
  if (claims.iss !== settings.issuer || !(header.exp > Date.now() / 1000)) return null;
  const key = await crypto.subtle.importKey('spki', Buffer.from(settings.key, 'base64'), ECDSA, false, ['verify']);
  const signed = `${parts[0]}.${parts[1]}`;
  return (await crypto.subtle.verify(ECDSA, key, Buffer.from(parts[2], 'base64url'), signed)) ? claims.email : null;
}

async function verify(request) {
  let email = null;
  try {
    email = await user(request.headersIn['X-Amzn-Oidc-Data'] || '');
  } catch (error) {
    // An invalid token.
  }
  if (email) request.headersOut['X-Forwarded-User'] = email;
  request.return(email ? 200 : 401);
}

export default { verify };
