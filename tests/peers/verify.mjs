// The package aws-jwt-verify as the judge of a token in the peer tests.
//
// node verify.mjs KEY_ENDPOINT SIGNER ISSUER CLIENT_ID    the token on standard input
// Prints the verified payload as JSON; exits with 1 and the reason where the token is refused.
import { readFileSync } from 'node:fs';
import { AlbJwtVerifier } from 'aws-jwt-verify';
import { AlbJwksCache } from 'aws-jwt-verify/alb-cache';

const [jwksUri, albArn, issuer, clientId] = process.argv.slice(2);
// The package's own fetcher speaks https alone, and the emulator's keys are on plain loopback.
const fetcher = {
  async fetch(uri) {
    const answer = await fetch(uri);
    if (!answer.ok) throw new Error(`${uri} answered ${answer.status}`);
    return answer.arrayBuffer();
  },
};
const verifier = AlbJwtVerifier.create(
  { albArn, issuer, clientId, jwksUri },
  { jwksCache: new AlbJwksCache({ fetcher }) },
);
try {
  console.log(JSON.stringify(await verifier.verify(readFileSync(0, 'utf8').trim())));
} catch (error) {
  console.log(String(error));
  process.exit(1);
}
