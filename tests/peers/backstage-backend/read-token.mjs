// The package jose as the judge of a user token in the peer tests.
//
// node read-token.mjs JWKS_URL    the token on standard input
// Prints the token's JOSE header and payload as they are written, and those of the limited token that is made of it; exits
// with 1 and the reason where either does not verify.
import { readFileSync } from 'node:fs';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';

const keys = createRemoteJWKSet(new URL(process.argv[2]));
const encoded = value => Buffer.from(JSON.stringify(value)).toString('base64url');
const written = part => Buffer.from(part, 'base64url').toString();

async function read(token, typ) {
  await jwtVerify(token, keys, { typ, algorithms: ['ES256'], requiredClaims: ['iat', 'exp', 'sub'] });
  const [header, payload] = token.split('.').map(written);
  return { header, payload };
}

// What is left of a token for cookies: its holder can make it without any key.
function limited(token) {
  const { alg, kid } = decodeProtectedHeader(token);
  const { sub, iat, exp, uip } = decodeJwt(token);
  return [encoded({ typ: 'vnd.backstage.limited-user', alg, kid }), encoded({ sub, iat, exp }), uip].join('.');
}

try {
  const token = readFileSync(0, 'utf8').trim();
  console.log(
    JSON.stringify({
      full: await read(token, 'vnd.backstage.user'),
      limited: await read(limited(token), 'vnd.backstage.limited-user'),
    }),
  );
} catch (error) {
  console.log(String(error));
  process.exit(1);
}
