// Verifies x-amzn-oidc-data of an Application Load Balancer. Needs Node.js 18 and no package; the package aws-jwt-verify
// (AlbJwtVerifier) does the same.
//
// node verify.mjs KEY_ENDPOINT SIGNER ISSUER CLIENT_ID    with the token on standard input
// Prints the claims as JSON; exits with 1 and the reason if the token is rejected.
import { createPublicKey, verify as verifySignature } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const KID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const LEEWAY_SECONDS = 30;
const keys = new Map(); // By kid. AWS never reuses one.

export async function verify(token, keyEndpoint, signer, issuer, client) {
  const parts = token.split('.');
  if (parts.length !== 3) throw new Error('not three parts');
  const json = part => JSON.parse(Buffer.from(part, 'base64url').toString());
  const header = json(parts[0]);
  // Before a key is fetched. Every AWS account signs with the keys of its region, so without the comparison of `signer` a
  // token of an attacker's load balancer is accepted.
  for (const [name, value] of Object.entries({ alg: 'ES256', signer, iss: issuer, client })) {
    if (header[name] !== value) throw new Error(`${name} is ${JSON.stringify(header[name])}, expected ${JSON.stringify(value)}`);
  }
  if (typeof header.kid !== 'string' || !KID.test(header.kid)) throw new Error('kid is not a UUID in lower case');
  if (!keys.has(header.kid)) {
    const response = await fetch(`${keyEndpoint}/${header.kid}`, { redirect: 'error', signal: AbortSignal.timeout(5000) });
    if (!response.ok) throw new Error(`the key endpoint responded with ${response.status}`);
    keys.set(header.kid, createPublicKey(await response.text()));
  }
  const key = keys.get(header.kid);
  if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('the key is not on the curve P-256');
  // The signature covers the text as it was received, with the padding that a load balancer writes.
  const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
  const signature = Buffer.from(parts[2], 'base64url');
  if (!verifySignature('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)) throw new Error('invalid signature');
  const claims = json(parts[1]);
  const now = Date.now() / 1000;
  if (!Number.isInteger(claims.exp) || claims.exp + LEEWAY_SECONDS <= now) throw new Error('expired, or without exp');
  if (claims.iss !== issuer) throw new Error('iss of the claims is not the issuer');
  if (typeof claims.sub !== 'string' || claims.sub === '') throw new Error('no sub');
  return claims;
}

// As a program, not as an import.
if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    console.log(JSON.stringify(await verify(readFileSync(0, 'utf8').trim(), ...process.argv.slice(2))));
  } catch (error) {
    console.log(`rejected: ${error.message}`);
    process.exit(1);
  }
}
